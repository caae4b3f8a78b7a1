-- How large are the models of each task?
--
-- One row per task category and size category, sizes in ascending order: the models, and their share of the task's
-- models in percent. `unknown` means no size category.
--
-- $org VARCHAR = NULL: only this org's models; null: all orgs
-- $tasks BIGINT = 5: how many task categories to list, the commonest first
WITH held AS (
    SELECT
        model_tasks.task_category AS task_category,
        coalesce(models.size_category, 'unknown') AS size_category,
        models.parameters AS parameters
    FROM model_tasks
    INNER JOIN models ON models.id = model_tasks.id
    WHERE $org IS NULL OR models.org = $org
),
commonest AS (
    SELECT held.task_category AS task_category, count(*) AS models
    FROM held
    GROUP BY held.task_category
    ORDER BY count(*) DESC, held.task_category
    LIMIT $tasks
),
sizes AS (
    SELECT models.size_category AS size_category, median(models.parameters) AS middle
    FROM models
    WHERE models.size_category IS NOT NULL
    GROUP BY models.size_category
)
SELECT
    commonest.task_category AS task_category,
    held.size_category AS size_category,
    count(*) AS models,
    round(100 * count(*) / commonest.models, 1) AS percent_of_task
FROM held
INNER JOIN commonest ON commonest.task_category = held.task_category
LEFT JOIN sizes ON sizes.size_category = held.size_category
GROUP BY commonest.task_category, commonest.models, held.size_category, sizes.middle
ORDER BY commonest.models DESC, commonest.task_category, sizes.middle NULLS LAST, held.size_category;
