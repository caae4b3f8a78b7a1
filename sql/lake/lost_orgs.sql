-- The orgs with many models in one snapshot: how many there are, how many have lost more than half of their models in
-- another, and the greatest losses with the models before and after. Then the orgs of any size: how many there are, how many
-- have no model in the other snapshot, and those that had most.
-- $before VARCHAR[]: the files of the records of the one
-- $after VARCHAR[]: those of the other
-- $many INTEGER: how many models an org of many has at least
-- $at_most INTEGER: how many are named
WITH before AS (
    SELECT records.org AS org, count(*) AS models
    FROM read_parquet($before, hive_partitioning = false) AS records
    GROUP BY records.org
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
        before.models >= $many AS has_many,
        before.models >= $many AND 2 * coalesce(after.models, 0) < before.models AS is_lost
    FROM before
    LEFT JOIN after ON after.org = before.org
)
SELECT
    count(*) FILTER (WHERE compared.has_many) AS orgs,
    count(*) FILTER (WHERE compared.is_lost) AS lost,
    coalesce(
        list(
            {'org': compared.org, 'models_before': compared.models_before, 'models_after': compared.models_after}
            ORDER BY compared.models_before - compared.models_after DESC, compared.org
        ) FILTER (WHERE compared.is_lost),
        []
    )[:$at_most] AS lost_most,
    count(*) AS all_orgs,
    count(*) FILTER (WHERE compared.models_after = 0) AS vanished,
    coalesce(
        list(compared.org ORDER BY compared.models_before DESC, compared.org) FILTER (WHERE compared.models_after = 0),
        []
    )[:$at_most] AS vanished_most
FROM compared;
