-- The facet values whose number of models changed most from one snapshot to another, the largest change first.
-- $before VARCHAR[]: the files of the first snapshot's records
-- $after VARCHAR[]: the files of the second snapshot's records
-- $at_most INTEGER: the most values to list
WITH records AS (
    SELECT 'before' AS side, tags, license, task_categories, framework, size_category
    FROM read_parquet($before, hive_partitioning = false)
    UNION ALL
    SELECT 'after' AS side, tags, license, task_categories, framework, size_category
    FROM read_parquet($after, hive_partitioning = false)
),
held AS (
    SELECT side, 'tags' AS facet, unnest(tags) AS value FROM records
    UNION ALL
    SELECT side, 'licenses' AS facet, license AS value FROM records WHERE license IS NOT NULL
    UNION ALL
    SELECT side, 'task_categories' AS facet, unnest(task_categories) AS value FROM records
    UNION ALL
    SELECT side, 'frameworks' AS facet, framework AS value FROM records WHERE framework IS NOT NULL
    UNION ALL
    SELECT side, 'size_categories' AS facet, size_category AS value FROM records WHERE size_category IS NOT NULL
),
counted AS (
    SELECT
        held.facet AS facet,
        held.value AS value,
        count(*) FILTER (WHERE held.side = 'before') AS before,
        count(*) FILTER (WHERE held.side = 'after') AS after
    FROM held
    GROUP BY held.facet, held.value
)
SELECT
    counted.facet AS facet,
    counted.value AS value,
    counted.before AS before,
    counted.after AS after
FROM counted
WHERE counted.before <> counted.after
ORDER BY abs(counted.after - counted.before) DESC, counted.facet, counted.value
LIMIT $at_most;
