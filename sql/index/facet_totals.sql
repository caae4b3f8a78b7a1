-- The unfiltered counts of every org, public and private apart: how many of the models whose row ids begin with `first`
-- hold each code.
CREATE TABLE snapshot.facet_totals AS
WITH parts AS (
    SELECT orgs.public_first AS first, orgs.public_end AS end FROM snapshot.orgs AS orgs
    UNION ALL
    SELECT orgs.private_first AS first, orgs.private_end AS end FROM snapshot.orgs AS orgs
),
held AS (
    SELECT
        parts.first AS first,
        unnest(models.codes) AS code
    FROM snapshot.models AS models
    -- the parts cover the row ids without gaps
    ASOF INNER JOIN (SELECT parts.first AS first FROM parts WHERE parts.end > parts.first) AS parts
        ON models.rid >= parts.first
)
SELECT
    held.first AS first,
    held.code AS code,
    CAST(count(*) AS INTEGER) AS models
FROM held
GROUP BY held.first, held.code
ORDER BY held.first, held.code;
