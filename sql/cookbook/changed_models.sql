-- Which models were added, removed or changed since an earlier snapshot?
--
-- One row per model, with the names of the columns that differ in `changed_columns`. To compare two earlier snapshots,
-- query the later one: `--snapshot LATER -p since=EARLIER`.
--
-- $org VARCHAR = NULL: only models that this org has or had; null: all orgs
-- $change VARCHAR = NULL: only added, removed or changed; null: all three
-- $since VARCHAR = 'previous': a date, a time, a snapshot id, first or previous
-- $most BIGINT = 100: the most rows to list
WITH compared AS (
    SELECT
        CASE WHEN earlier.id IS NULL THEN 'added' WHEN models.id IS NULL THEN 'removed' ELSE 'changed' END AS change,
        coalesce(models.id, earlier.id) AS id,
        coalesce(models.org, earlier.org) AS org,
        earlier.org AS org_before,
        coalesce(models.is_public, earlier.is_public) AS is_public,
        CASE WHEN earlier.id IS NULL OR models.id IS NULL THEN NULL ELSE list_filter(
            [
                CASE WHEN models.org IS DISTINCT FROM earlier.org THEN 'org' END,
                CASE WHEN models.name IS DISTINCT FROM earlier.name THEN 'name' END,
                CASE WHEN models.description IS DISTINCT FROM earlier.description THEN 'description' END,
                CASE WHEN models.tags IS DISTINCT FROM earlier.tags THEN 'tags' END,
                CASE WHEN models.license IS DISTINCT FROM earlier.license THEN 'license' END,
                CASE WHEN models.task_categories IS DISTINCT FROM earlier.task_categories THEN 'task_categories' END,
                CASE WHEN models.framework IS DISTINCT FROM earlier.framework THEN 'framework' END,
                CASE WHEN models.size_category IS DISTINCT FROM earlier.size_category THEN 'size_category' END,
                CASE WHEN models.is_public IS DISTINCT FROM earlier.is_public THEN 'is_public' END,
                CASE WHEN models.created_at IS DISTINCT FROM earlier.created_at THEN 'created_at' END,
                CASE WHEN models.updated_at IS DISTINCT FROM earlier.updated_at THEN 'updated_at' END,
                CASE WHEN models.parameters IS DISTINCT FROM earlier.parameters THEN 'parameters' END,
                CASE WHEN models.size_bytes IS DISTINCT FROM earlier.size_bytes THEN 'size_bytes' END,
                CASE WHEN models.downloads IS DISTINCT FROM earlier.downloads THEN 'downloads' END
            ],
            lambda name: name IS NOT NULL
        ) END AS changed_columns
    FROM models
    FULL JOIN models_at($since) AS earlier ON earlier.id = models.id
)
SELECT
    compared.change AS change,
    compared.id AS id,
    compared.org AS org,
    compared.is_public AS is_public,
    compared.changed_columns AS changed_columns
FROM compared
WHERE ($org IS NULL OR compared.org = $org OR compared.org_before = $org)
    AND ($change IS NULL OR compared.change = $change)
    AND (compared.change <> 'changed' OR len(compared.changed_columns) > 0)
ORDER BY compared.change, compared.id
LIMIT $most;
