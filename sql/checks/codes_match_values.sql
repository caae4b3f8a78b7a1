-- Codes whose count in the index differs from the models that hold the value (null: none of the facet), read anew from the
-- records.
WITH held AS (
    SELECT
        0 AS facet,
        unnest(CASE WHEN len(models.tags) > 0 THEN models.tags ELSE [NULL] END) AS value,
        models.is_public AS is_public
    FROM models
    UNION ALL
    SELECT 1 AS facet, models.license AS value, models.is_public AS is_public FROM models
    UNION ALL
    SELECT
        2 AS facet,
        unnest(CASE WHEN len(models.task_categories) > 0 THEN models.task_categories ELSE [NULL] END) AS value,
        models.is_public AS is_public
    FROM models
    UNION ALL
    SELECT 3 AS facet, models.framework AS value, models.is_public AS is_public FROM models
    UNION ALL
    SELECT 4 AS facet, models.size_category AS value, models.is_public AS is_public FROM models
),
recounted AS (
    SELECT
        held.facet AS facet,
        held.value AS value,
        count(*) AS models,
        count(*) FILTER (WHERE held.is_public) AS public_models
    FROM held
    GROUP BY held.facet, held.value
)
SELECT
    coalesce(recounted.facet, facet_values.facet) AS facet,
    coalesce(recounted.value, facet_values.value) AS value,
    recounted.models AS models_in_records,
    facet_values.models AS models_in_index
FROM recounted
FULL JOIN facet_values
    ON facet_values.facet = recounted.facet AND facet_values.value IS NOT DISTINCT FROM recounted.value
WHERE coalesce(recounted.models, 0) IS DISTINCT FROM facet_values.models
    OR coalesce(recounted.public_models, 0) IS DISTINCT FROM facet_values.public_models
ORDER BY facet, value;
