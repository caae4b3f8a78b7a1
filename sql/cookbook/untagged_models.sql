-- Which models can hardly be found: no tags, no task, or neither?
--
-- One row a model. `says` tells what else it has, so that whoever owns it knows where to begin.
--
-- $org VARCHAR = NULL: only this org's models; null: everybody's
-- $most BIGINT = 20: how many models are listed
SELECT
    models.id AS id,
    models.is_public AS is_public,
    len(models.tags) AS tags,
    len(models.task_categories) AS task_categories,
    concat_ws(', ',
        CASE WHEN models.license IS NOT NULL THEN 'licence' END,
        CASE WHEN models.framework IS NOT NULL THEN 'framework' END,
        CASE WHEN models.size_category IS NOT NULL THEN 'size' END,
        CASE WHEN models.description IS NOT NULL THEN 'description' END
    ) AS says
FROM models
WHERE ($org IS NULL OR models.org = $org)
    AND (len(models.tags) = 0 OR len(models.task_categories) = 0)
ORDER BY len(models.tags) + len(models.task_categories), models.id
LIMIT $most;
