-- Which columns do models leave empty?
--
-- One row per optional column: the models that leave it empty, and their share of all models in percent. A filter by a
-- facet hides the models that leave it empty.
--
-- $org VARCHAR = NULL: only this org's models; null: all orgs
WITH asked AS (
    SELECT models.*
    FROM models
    WHERE $org IS NULL OR models.org = $org
),
told AS (
    SELECT 'description' AS column_name, count(asked.description) AS filled FROM asked
    UNION ALL
    SELECT 'tags' AS column_name, count(*) FILTER (WHERE len(asked.tags) > 0) AS filled FROM asked
    UNION ALL
    SELECT 'license' AS column_name, count(asked.license) AS filled FROM asked
    UNION ALL
    SELECT 'task_categories' AS column_name, count(*) FILTER (WHERE len(asked.task_categories) > 0) AS filled FROM asked
    UNION ALL
    SELECT 'framework' AS column_name, count(asked.framework) AS filled FROM asked
    UNION ALL
    SELECT 'size_category' AS column_name, count(asked.size_category) AS filled FROM asked
    UNION ALL
    SELECT 'created_at' AS column_name, count(asked.created_at) AS filled FROM asked
    UNION ALL
    SELECT 'updated_at' AS column_name, count(asked.updated_at) AS filled FROM asked
    UNION ALL
    SELECT 'parameters' AS column_name, count(asked.parameters) AS filled FROM asked
    UNION ALL
    SELECT 'size_bytes' AS column_name, count(asked.size_bytes) AS filled FROM asked
    UNION ALL
    SELECT 'downloads' AS column_name, count(asked.downloads) AS filled FROM asked
),
counted AS (
    SELECT count(*) AS models FROM asked
)
SELECT
    told.column_name AS column_name,
    counted.models - told.filled AS empty_models,
    round(100 * (counted.models - told.filled) / nullif(counted.models, 0), 1) AS percent_empty
FROM told
CROSS JOIN counted
ORDER BY empty_models DESC, told.column_name;
