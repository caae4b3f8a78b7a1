-- The number of models of an earlier snapshot that each org may see: in its own scope (`own`), and in its scope with public
-- models, except for those that are public in both snapshots (`others`). The row of the org '' counts these.
--
-- An org sees a model that was in its scope in the earlier snapshot, and is public or the org's in the current one.
-- `current_models` has the ids, row ids and orgs of the current snapshot.
--
-- $public_end INTEGER: row id after the last public model
-- $now_public_end INTEGER: in the current snapshot, row id after the last public model
WITH both_times AS (
    SELECT
        models.org AS org,
        current_models.org AS now_org,
        models.rid < :public_end AS was_public,
        current_models.rid < :now_public_end AS is_public
    FROM models
    INNER JOIN current_models ON current_models.id = models.id
),
counted AS (
    SELECT
        both_times.org AS org,
        1 AS own,
        CASE WHEN both_times.was_public THEN 0 ELSE 1 END AS others
    FROM both_times
    WHERE both_times.is_public OR both_times.now_org = both_times.org
    UNION ALL
    SELECT both_times.now_org AS org, 0 AS own, 1 AS others
    FROM both_times
    WHERE both_times.was_public AND NOT both_times.is_public
    UNION ALL
    SELECT '' AS org, 0 AS own, 1 AS others
    FROM both_times
    WHERE both_times.was_public AND both_times.is_public
)
SELECT
    counted.org AS org,
    CAST(sum(CAST(counted.own AS DECIMAL(38, 0))) AS BIGINT) AS own,
    CAST(sum(CAST(counted.others AS DECIMAL(38, 0))) AS BIGINT) AS others
FROM counted
GROUP BY counted.org
