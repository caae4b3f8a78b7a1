-- The unfiltered histograms of the public and of the private models of every org: the number of models per bar. `first` is
-- the first row id of these models.
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
