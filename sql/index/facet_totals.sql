-- The unfiltered counts of the public and of the private models of every org: the number of models per code. `first` is the
-- first row id of these models.
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
