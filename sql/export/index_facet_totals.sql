-- index/facet_totals.parquet: the unfiltered counts of every org, public and private apart: how many of the models whose
-- row ids begin with `first` hold each code.
WITH parts AS (
    SELECT
        placed.org AS org,
        placed.is_public AS is_public,
        min(placed.rid) AS first
    FROM placed
    GROUP BY placed.org, placed.is_public
)
SELECT
    parts.first AS first,
    postings.code AS code,
    count(*) AS models
FROM parts
INNER JOIN placed ON placed.org = parts.org AND placed.is_public = parts.is_public
INNER JOIN postings ON postings.rid = placed.rid
GROUP BY parts.first, postings.code
ORDER BY parts.first, postings.code;
