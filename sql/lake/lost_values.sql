-- For each column, of the models in both of two snapshots: the number with a value in the first, the number of these without
-- one in the second, and the first of them by id. Columns without such models are left out.
-- $before VARCHAR[]: the files of the first snapshot's records
-- $after VARCHAR[]: the files of the second snapshot's records
-- $at_most INTEGER: the most models to name, per column
WITH both_sides AS (
    SELECT
        before.id AS id,
        unnest([
            {'name': 'description', 'held': before.description IS NOT NULL, 'holds': after.description IS NOT NULL},
            {'name': 'tags', 'held': len(before.tags) > 0, 'holds': len(after.tags) > 0},
            {'name': 'license', 'held': before.license IS NOT NULL, 'holds': after.license IS NOT NULL},
            {'name': 'task_categories', 'held': len(before.task_categories) > 0, 'holds': len(after.task_categories) > 0},
            {'name': 'framework', 'held': before.framework IS NOT NULL, 'holds': after.framework IS NOT NULL},
            {'name': 'size_category', 'held': before.size_category IS NOT NULL, 'holds': after.size_category IS NOT NULL},
            {'name': 'created_at', 'held': before.created_at IS NOT NULL, 'holds': after.created_at IS NOT NULL},
            {'name': 'updated_at', 'held': before.updated_at IS NOT NULL, 'holds': after.updated_at IS NOT NULL},
            {'name': 'parameters', 'held': before.parameters IS NOT NULL, 'holds': after.parameters IS NOT NULL},
            {'name': 'size_bytes', 'held': before.size_bytes IS NOT NULL, 'holds': after.size_bytes IS NOT NULL},
            {'name': 'downloads', 'held': before.downloads IS NOT NULL, 'holds': after.downloads IS NOT NULL}
        ], recursive := true)
    FROM read_parquet($before, hive_partitioning = false) AS before
    INNER JOIN read_parquet($after, hive_partitioning = false) AS after ON after.id = before.id
)
SELECT
    both_sides.name AS name,
    count(*) AS held,
    count(*) FILTER (WHERE NOT both_sides.holds) AS lost,
    min(both_sides.id, $at_most) FILTER (WHERE NOT both_sides.holds) AS lost_ids
FROM both_sides
WHERE both_sides.held
GROUP BY both_sides.name
HAVING count(*) FILTER (WHERE NOT both_sides.holds) > 0
ORDER BY both_sides.name;
