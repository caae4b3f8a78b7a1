-- Which orgs gained or lost the most models since an earlier snapshot?
--
-- One row per org with new or removed models. The largest changes come first, in either direction.
--
-- $since VARCHAR = 'previous': a date, a time, a snapshot id, first or previous
-- $most BIGINT = 20: the most rows to list
WITH before AS (
    SELECT earlier.id AS id, earlier.org AS org
    FROM models_at($since) AS earlier
),
compared AS (
    SELECT
        coalesce(models.org, before.org) AS org,
        before.id IS NULL AS is_new,
        models.id IS NULL AS is_gone
    FROM models
    FULL JOIN before ON before.id = models.id
)
SELECT
    compared.org AS org,
    count(*) FILTER (WHERE compared.is_new) AS new_models,
    count(*) FILTER (WHERE compared.is_gone) AS gone_models,
    count(*) FILTER (WHERE compared.is_new) - count(*) FILTER (WHERE compared.is_gone) AS change
FROM compared
GROUP BY compared.org
HAVING count(*) FILTER (WHERE compared.is_new OR compared.is_gone) > 0
ORDER BY abs(change) DESC, change DESC, new_models DESC, compared.org
LIMIT $most;
