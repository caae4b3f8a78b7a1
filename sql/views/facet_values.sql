-- Every facet value of at least one model, with the number of its models.
--
-- facet VARCHAR: Column of `models` with the value: tags, license, task_categories, framework or
--     size_category. Example: license
-- value VARCHAR: The exact value. Example: apache-2.0
-- models BIGINT: Number of models with the value. Example: 1182
-- public_models BIGINT: Number of these that are public. Example: 1181
WITH held AS (
    SELECT 'tags' AS facet, unnest(models.tags) AS value, models.is_public AS is_public
    FROM models
    UNION ALL
    SELECT 'license' AS facet, models.license AS value, models.is_public AS is_public
    FROM models
    UNION ALL
    SELECT 'task_categories' AS facet, unnest(models.task_categories) AS value, models.is_public AS is_public
    FROM models
    UNION ALL
    SELECT 'framework' AS facet, models.framework AS value, models.is_public AS is_public
    FROM models
    UNION ALL
    SELECT 'size_category' AS facet, models.size_category AS value, models.is_public AS is_public
    FROM models
)
SELECT
    held.facet AS facet,
    held.value AS value,
    count(*) AS models,
    count(*) FILTER (WHERE held.is_public) AS public_models
FROM held
WHERE held.value IS NOT NULL
GROUP BY held.facet, held.value;
