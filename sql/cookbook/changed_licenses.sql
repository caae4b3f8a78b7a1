-- Which models changed their licence since an earlier snapshot?
--
-- One row per model, with its licence before and now; null means no licence. Users of the model may hold a copy under
-- the old licence.
--
-- $org VARCHAR = NULL: only this org's models; null: all orgs
-- $since VARCHAR = 'previous': a date, a time, a snapshot id, first or previous
-- $most BIGINT = 20: the most rows to list
SELECT
    models.id AS id,
    models.is_public AS is_public,
    earlier.license AS license_before,
    models.license AS license_now
FROM models
INNER JOIN models_at($since) AS earlier ON earlier.id = models.id
WHERE ($org IS NULL OR models.org = $org)
    AND models.license IS DISTINCT FROM earlier.license
ORDER BY models.id
LIMIT $most;
