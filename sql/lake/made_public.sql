-- The models that are public in a snapshot but not in the current one: how many of them are private there and how many
-- are not there, with the first of each by id. Also how many models of the current snapshot are private.
-- $target VARCHAR[]: the files of the records of the snapshot
-- $current VARCHAR[]: those of the current one
-- $at_most INTEGER: how many are named
SELECT
    count(*) FILTER (WHERE target.is_public AND NOT current.is_public) AS now_private,
    count(*) FILTER (WHERE target.is_public AND current.id IS NULL) AS now_gone,
    count(*) FILTER (WHERE NOT current.is_public) AS private_models,
    coalesce(min(target.id, $at_most) FILTER (WHERE target.is_public AND NOT current.is_public), []) AS private_ids,
    coalesce(min(target.id, $at_most) FILTER (WHERE target.is_public AND current.id IS NULL), []) AS gone_ids
FROM read_parquet($target, hive_partitioning = false) AS target
FULL JOIN read_parquet($current, hive_partitioning = false) AS current ON current.id = target.id;
