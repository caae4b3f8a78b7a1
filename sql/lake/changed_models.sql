-- The numbers of models added, removed and changed (in any column), by id, from one snapshot to another.
-- The columns are compared by a hash of 64 bits: in a catalogue of a million models, the odds of missing a change are one
-- in ten million million.
-- $before VARCHAR[]: the files of the first snapshot's records
-- $after VARCHAR[]: the files of the second snapshot's records
WITH before AS (
    SELECT
        records.id AS id,
        hash(
            records.org, records.name, records.description, records.tags, records.license, records.task_categories,
            records.framework, records.size_category, records.is_public, records.created_at, records.updated_at,
            records.parameters, records.size_bytes, records.downloads
        ) AS content
    FROM read_parquet($before, hive_partitioning = false) AS records
),
after AS (
    SELECT
        records.id AS id,
        hash(
            records.org, records.name, records.description, records.tags, records.license, records.task_categories,
            records.framework, records.size_category, records.is_public, records.created_at, records.updated_at,
            records.parameters, records.size_bytes, records.downloads
        ) AS content
    FROM read_parquet($after, hive_partitioning = false) AS records
)
SELECT
    count(*) FILTER (WHERE before.id IS NULL) AS added,
    count(*) FILTER (WHERE after.id IS NULL) AS removed,
    count(*) FILTER (WHERE before.content <> after.content) AS changed
FROM before
FULL JOIN after ON after.id = before.id;
