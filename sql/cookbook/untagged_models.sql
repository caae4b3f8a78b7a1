-- Which models have no tags, no task category, or neither?
--
-- One row per model. `says` lists what else it has. A filter by tag or task category does not find it.
--
-- $org VARCHAR = NULL: only this org's models; null: all orgs
-- $most BIGINT = 20: the most rows to list
SELECT
    models.id AS id,
    models.is_public AS is_public,
    len(models.tags) AS tags,
    len(models.task_categories) AS task_categories,
    concat_ws(', ',
        CASE WHEN models.license IS NOT NULL THEN 'license' END,
        CASE WHEN models.framework IS NOT NULL THEN 'framework' END,
        CASE WHEN models.size_category IS NOT NULL THEN 'size' END,
        CASE WHEN models.description IS NOT NULL THEN 'description' END
    ) AS says
FROM models
WHERE ($org IS NULL OR models.org = $org)
    AND (len(models.tags) = 0 OR len(models.task_categories) = 0)
ORDER BY len(models.tags) + len(models.task_categories), models.id
LIMIT $most;
