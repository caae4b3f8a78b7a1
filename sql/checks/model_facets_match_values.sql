-- Codes that the models' lists hold more or less often than the values' counts say.
WITH recounted AS (
    SELECT
        held.code AS code,
        count(*) AS models
    FROM (SELECT unnest(model_facets.codes) AS code FROM model_facets) AS held
    GROUP BY held.code
)
SELECT
    coalesce(recounted.code, facet_values.code) AS code,
    recounted.models AS models_in_lists,
    facet_values.models AS models_expected
FROM recounted
FULL JOIN facet_values ON facet_values.code = recounted.code
WHERE coalesce(recounted.models, 0) IS DISTINCT FROM facet_values.models
ORDER BY code;
