-- Precomputed totals of an org's public or private models that differ from what their lists hold.
WITH ranges AS (
    SELECT orgs.public_first AS first, orgs.public_end AS end FROM orgs WHERE orgs.public_end > orgs.public_first
    UNION ALL
    SELECT orgs.private_first AS first, orgs.private_end AS end FROM orgs WHERE orgs.private_end > orgs.private_first
),
held AS (
    SELECT
        ranges.first AS first,
        unnest(model_facets.codes) AS code
    FROM model_facets
    -- the ranges cover the row ids without gaps
    ASOF INNER JOIN ranges ON model_facets.rid >= ranges.first
),
recounted AS (
    SELECT held.first AS first, held.code AS code, count(*) AS models
    FROM held
    GROUP BY held.first, held.code
)
SELECT
    coalesce(recounted.first, facet_totals.first) AS first,
    coalesce(recounted.code, facet_totals.code) AS code,
    recounted.models AS models_in_lists,
    facet_totals.models AS models_in_totals
FROM recounted
FULL JOIN facet_totals ON facet_totals.first = recounted.first AND facet_totals.code = recounted.code
WHERE recounted.models IS DISTINCT FROM facet_totals.models
ORDER BY first, code;
