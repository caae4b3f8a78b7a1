-- The orgs with many models in one snapshot: how many there are, how many have lost more than half of their models in
-- another, and the greatest losses with the models before and after.
-- $before VARCHAR[]: the files of the records of the one
-- $after VARCHAR[]: those of the other
-- $many INTEGER: how many models an org must have to be counted
-- $at_most INTEGER: how many are named
WITH before AS (
    SELECT records.org AS org, count(*) AS models
    FROM read_parquet($before, hive_partitioning = false) AS records
    GROUP BY records.org
    HAVING count(*) >= $many
),
after AS (
    SELECT records.org AS org, count(*) AS models
    FROM read_parquet($after, hive_partitioning = false) AS records
    GROUP BY records.org
),
compared AS (
    SELECT
        before.org AS org,
        before.models AS models_before,
        coalesce(after.models, 0) AS models_after,
        2 * coalesce(after.models, 0) < before.models AS is_lost
    FROM before
    LEFT JOIN after ON after.org = before.org
)
SELECT
    count(*) AS orgs,
    count(*) FILTER (WHERE compared.is_lost) AS lost,
    coalesce(
        list(
            {'org': compared.org, 'models_before': compared.models_before, 'models_after': compared.models_after}
            ORDER BY compared.models_before - compared.models_after DESC, compared.org
        ) FILTER (WHERE compared.is_lost),
        []
    )[:$at_most] AS lost_most
FROM compared;
