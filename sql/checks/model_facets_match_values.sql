-- Codes that the models' lists hold more or less often than the values' counts say. Code 0 stands in every list.
WITH recounted AS (
    SELECT
        held.code AS code,
        count(*) AS models
    FROM (SELECT unnest(model_facets.codes) AS code FROM model_facets) AS held
    GROUP BY held.code
),
expected AS (
    SELECT facet_values.code AS code, facet_values.models AS models FROM facet_values
    UNION ALL
    SELECT 0 AS code, count(*) AS models FROM models HAVING count(*) > 0
)
SELECT
    coalesce(recounted.code, expected.code) AS code,
    recounted.models AS models_in_lists,
    expected.models AS models_expected
FROM recounted
FULL JOIN expected ON expected.code = recounted.code
WHERE coalesce(recounted.models, 0) IS DISTINCT FROM expected.models
ORDER BY code;
