-- Which models became public or private since an earlier snapshot?
--
-- One row per model that is in both snapshots. `is_public` is its visibility now; models that became private come
-- first.
--
-- $org VARCHAR = NULL: only this org's models; null: all orgs
-- $since VARCHAR = 'previous': a date, a time, a snapshot id, first or previous
-- $most BIGINT = 20: the most rows to list
SELECT
    models.id AS id,
    models.org AS org,
    models.is_public AS is_public
FROM models
INNER JOIN models_at($since) AS earlier ON earlier.id = models.id
WHERE ($org IS NULL OR models.org = $org)
    AND models.is_public <> earlier.is_public
ORDER BY models.is_public, models.id
LIMIT $most;
