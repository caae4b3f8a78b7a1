-- Precomputed totals of large orgs that differ from what their models' lists hold.
WITH ranges AS (
    SELECT orgs.org AS org, TRUE AS is_public, orgs.public_first AS first, orgs.public_end AS end FROM orgs
    UNION ALL
    SELECT orgs.org AS org, FALSE AS is_public, orgs.private_first AS first, orgs.private_end AS end FROM orgs
),
held AS (
    SELECT
        ranges.org AS org,
        ranges.is_public AS is_public,
        unnest(model_facets.codes) AS code
    FROM ranges
    INNER JOIN model_facets ON model_facets.rid >= ranges.first AND model_facets.rid < ranges.end
    WHERE (ranges.org, ranges.is_public) IN (SELECT (facet_totals.org, facet_totals.is_public) FROM facet_totals)
),
recounted AS (
    SELECT held.org AS org, held.is_public AS is_public, held.code AS code, count(*) AS models
    FROM held
    WHERE held.code > 0
    GROUP BY held.org, held.is_public, held.code
)
SELECT
    coalesce(recounted.org, facet_totals.org) AS org,
    coalesce(recounted.code, facet_totals.code) AS code,
    recounted.models AS models_in_lists,
    facet_totals.models AS models_in_totals
FROM recounted
FULL JOIN facet_totals
    ON facet_totals.org = recounted.org
    AND facet_totals.is_public = recounted.is_public
    AND facet_totals.code = recounted.code
WHERE recounted.models IS DISTINCT FROM facet_totals.models
ORDER BY org, code;
