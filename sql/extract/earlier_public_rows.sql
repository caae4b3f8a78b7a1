-- The rows of an earlier snapshot that were public then, of models that are public now.
-- $earlier VARCHAR[]: the files with the rows that were public then
-- $present VARCHAR[]: the files with the rows that are public now
SELECT earlier.*
FROM read_parquet($earlier, hive_partitioning = false) AS earlier
WHERE earlier.id IN (SELECT present.id FROM read_parquet($present, hive_partitioning = false) AS present);
