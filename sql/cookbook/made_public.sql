-- Which models became public or private since an earlier snapshot?
--
-- One row a model that is in both snapshots. `is_public` is how it is now: a model that turned private is one that others
-- may miss.
--
-- $org VARCHAR = NULL: only this org's models; null: everybody's
-- $since VARCHAR = 'previous': a date, a time, the id of a snapshot, first or previous
-- $most BIGINT = 20: how many models are listed
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
