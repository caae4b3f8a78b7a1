-- The unfiltered histograms of every org, public and private apart: how many of the models whose row ids begin with `first`
-- fall into each bar.
CREATE TABLE snapshot.bar_totals AS
SELECT
    held.first AS first,
    held.bar AS bar,
    CAST(count(*) AS INTEGER) AS models
FROM (
    SELECT
        parts.first AS first,
        unnest(models.bars) AS bar
    FROM snapshot.models AS models
    ASOF INNER JOIN (
        -- include index/parts
    ) AS parts ON models.rid >= parts.first
) AS held
GROUP BY held.first, held.bar
ORDER BY held.first, held.bar;
