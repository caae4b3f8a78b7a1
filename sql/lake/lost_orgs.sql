-- Of the orgs with many models in one snapshot: their number, the number of those that lose more than half of their models
-- in another, and the largest losses, with the models before and after. Then, of all orgs: their number, the number of
-- those without models in the other snapshot, and the largest of these.
-- $before VARCHAR[]: the files of the first snapshot's records
-- $after VARCHAR[]: the files of the second snapshot's records
-- $many INTEGER: the fewest models of an org with many models
-- $at_most INTEGER: the most orgs to name
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
