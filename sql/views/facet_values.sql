-- Every value of every facet that some model holds, with how many hold it.
--
-- facet VARCHAR: The column of `models` that the value is of: tags, license, task_categories, framework or
--     size_category. Example: license
-- value VARCHAR: The value, to the letter. Example: apache-2.0
-- models BIGINT: How many models hold it. Example: 1182
-- public_models BIGINT: How many of these are public. Example: 1181
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
