-- The models that are public in a snapshot but not in the one in force: how many of them are private there, and how many
-- are not there.
-- $target VARCHAR[]: the files of the records of the snapshot
-- $in_force VARCHAR[]: those of the one in force
SELECT
    count(*) FILTER (WHERE in_force.id IS NOT NULL) AS now_private,
    count(*) FILTER (WHERE in_force.id IS NULL) AS now_gone
FROM read_parquet($target, hive_partitioning = false) AS target
LEFT JOIN read_parquet($in_force, hive_partitioning = false) AS in_force ON in_force.id = target.id
WHERE target.is_public AND (in_force.id IS NULL OR NOT in_force.is_public);
