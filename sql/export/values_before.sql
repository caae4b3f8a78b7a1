-- The facet values of a snapshot, with the number of models that have each, from its records.
-- $files VARCHAR[]: the files of its records
CREATE TABLE values_before AS
SELECT
    held.facet AS facet,
    held.value AS value,
    count(*) AS models
FROM (
    SELECT 0 AS facet, unnest(records.tags) AS value FROM read_parquet($files, hive_partitioning = false) AS records
    UNION ALL
    SELECT 1 AS facet, records.license AS value FROM read_parquet($files, hive_partitioning = false) AS records
    UNION ALL
    SELECT
        2 AS facet,
        unnest(records.task_categories) AS value
    FROM read_parquet($files, hive_partitioning = false) AS records
    UNION ALL
    SELECT 3 AS facet, records.framework AS value FROM read_parquet($files, hive_partitioning = false) AS records
    UNION ALL
    SELECT 4 AS facet, records.size_category AS value FROM read_parquet($files, hive_partitioning = false) AS records
) AS held
WHERE held.value IS NOT NULL
GROUP BY held.facet, held.value;
