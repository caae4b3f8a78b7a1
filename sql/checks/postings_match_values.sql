-- Codes whose public postings are not the public models whose lists hold the code: as many, of the same sum of row ids.
WITH in_lists AS (
    SELECT
        held.code AS code,
        count(*) AS models,
        sum(held.rid) AS rids
    FROM (
        SELECT
            model_facets.rid AS rid,
            unnest(model_facets.codes) AS code
        FROM model_facets
        WHERE model_facets.rid < (SELECT coalesce(max(orgs.public_end), 0) FROM orgs)
    ) AS held
    WHERE held.code > 0
    GROUP BY held.code
),
in_postings AS (
    SELECT
        postings_public.code AS code,
        count(*) AS models,
        sum(postings_public.rid) AS rids
    FROM postings_public
    GROUP BY postings_public.code
)
SELECT
    coalesce(in_lists.code, in_postings.code) AS code,
    in_lists.models AS models_in_lists,
    in_postings.models AS models_in_postings
FROM in_lists
FULL JOIN in_postings ON in_postings.code = in_lists.code
WHERE in_lists.models IS DISTINCT FROM in_postings.models
    OR in_lists.rids IS DISTINCT FROM in_postings.rids
ORDER BY code;
