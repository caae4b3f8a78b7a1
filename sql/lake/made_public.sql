-- Of the models that are public in a snapshot but not in the current one: the numbers of those that are private in the
-- current one and of those that it lacks, with the first of each by id. Also the number of private models of the current one.
-- $target VARCHAR[]: the files of the snapshot's records
-- $current VARCHAR[]: the files of the current snapshot's records
-- $at_most INTEGER: the most models to name, of each kind
SELECT
    count(*) FILTER (WHERE target.is_public AND NOT current.is_public) AS now_private,
    count(*) FILTER (WHERE target.is_public AND current.id IS NULL) AS now_gone,
    count(*) FILTER (WHERE NOT current.is_public) AS private_models,
    coalesce(min(target.id, $at_most) FILTER (WHERE target.is_public AND NOT current.is_public), []) AS private_ids,
    coalesce(min(target.id, $at_most) FILTER (WHERE target.is_public AND current.id IS NULL), []) AS gone_ids
FROM read_parquet($target, hive_partitioning = false) AS target
FULL JOIN read_parquet($current, hive_partitioning = false) AS current ON current.id = target.id;
