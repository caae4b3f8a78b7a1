-- Codes whose public postings are not as many as the value has public models.
WITH recounted AS (
    SELECT
        postings_public.code AS code,
        count(DISTINCT postings_public.rid) AS models
    FROM postings_public
    GROUP BY postings_public.code
)
SELECT
    facet_values.code AS code,
    recounted.models AS models_in_postings,
    facet_values.public_models AS models_expected
FROM facet_values
LEFT JOIN recounted ON recounted.code = facet_values.code
WHERE coalesce(recounted.models, 0) <> facet_values.public_models
ORDER BY facet_values.code;
