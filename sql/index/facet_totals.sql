-- The unfiltered counts of every org, public and private apart: how many of the models whose row ids begin with `first`
-- hold each code.
CREATE TABLE snapshot.facet_totals AS
SELECT
    held.first AS first,
    held.code AS code,
    CAST(count(*) AS INTEGER) AS models
FROM (
    SELECT
        parts.first AS first,
        unnest(models.codes) AS code
    FROM snapshot.models AS models
    ASOF INNER JOIN (
        -- include index/parts
    ) AS parts ON models.rid >= parts.first
) AS held
GROUP BY held.first, held.code
ORDER BY held.first, held.code;
