-- index/facet_totals.parquet: the unfiltered counts of each large org, by visibility: what would be slow to count anew.
-- $at_least UBIGINT: the models of one visibility from which on an org is large
WITH large AS (
    SELECT
        placed.org AS org,
        placed.is_public AS is_public
    FROM placed
    GROUP BY placed.org, placed.is_public
    HAVING count(*) >= $at_least
)
SELECT
    large.org AS org,
    large.is_public AS is_public,
    postings.code AS code,
    count(*) AS models
FROM large
INNER JOIN placed ON placed.org = large.org AND placed.is_public = large.is_public
INNER JOIN postings ON postings.rid = placed.rid
GROUP BY large.org, large.is_public, postings.code
ORDER BY large.org, large.is_public, postings.code;
