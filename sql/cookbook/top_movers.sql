-- Which orgs gained or lost most models since an earlier snapshot?
--
-- One row an org whose models are not the same ones: how many are new, how many are gone, and what that makes. The
-- largest changes come first, in either direction.
--
-- $since VARCHAR = 'previous': a date, a time, the id of a snapshot, first or previous
-- $most BIGINT = 20: how many orgs are listed
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
