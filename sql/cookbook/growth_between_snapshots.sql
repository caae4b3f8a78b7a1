-- Which values of a facet grew most since an earlier snapshot?
--
-- One row per value whose number of models changed. `change` is negative if fewer models hold it now. `percent_change`
-- is relative to the earlier number; it is null for a new value.
--
-- $facet VARCHAR = 'license': tags, license, task_categories, framework or size_category
-- $org VARCHAR = NULL: only this org's models; null: all orgs
-- $since VARCHAR = 'previous': a date, a time, a snapshot id, first or previous
-- $most BIGINT = 20: the most rows to list
WITH held AS (
    SELECT models.id AS id, 1 AS now, 0 AS before, models.tags AS tags, models.license AS license,
        models.task_categories AS task_categories, models.framework AS framework, models.size_category AS size_category
    FROM models
    WHERE $org IS NULL OR models.org = $org
    UNION ALL
    SELECT earlier.id AS id, 0 AS now, 1 AS before, earlier.tags AS tags, earlier.license AS license,
        earlier.task_categories AS task_categories, earlier.framework AS framework,
        earlier.size_category AS size_category
    FROM models_at($since) AS earlier
    WHERE $org IS NULL OR earlier.org = $org
),
listed AS (
    SELECT
        held.now AS now,
        held.before AS before,
        unnest(CASE $facet
            WHEN 'tags' THEN held.tags
            WHEN 'license' THEN [held.license]
            WHEN 'task_categories' THEN held.task_categories
            WHEN 'framework' THEN [held.framework]
            WHEN 'size_category' THEN [held.size_category]
        END) AS value
    FROM held
)
SELECT
    listed.value AS value,
    CAST(sum(listed.before) AS BIGINT) AS models_before,
    CAST(sum(listed.now) AS BIGINT) AS models_now,
    CAST(sum(listed.now) - sum(listed.before) AS BIGINT) AS change,
    round(100 * (sum(listed.now) - sum(listed.before)) / nullif(sum(listed.before), 0), 1) AS percent_change
FROM listed
WHERE listed.value IS NOT NULL
GROUP BY listed.value
HAVING sum(listed.now) <> sum(listed.before)
ORDER BY change DESC, listed.value
LIMIT $most;
