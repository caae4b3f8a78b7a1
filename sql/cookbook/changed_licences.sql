-- Which models changed their licence since an earlier snapshot?
--
-- One row a model: what it stated then and states now; null is no licence. Whoever uses the model under the old one wants
-- to know.
--
-- $org VARCHAR = NULL: only this org's models; null: everybody's
-- $since VARCHAR = 'previous': a date, a time, the id of a snapshot, first or previous
-- $most BIGINT = 20: how many models are listed
SELECT
    models.id AS id,
    models.is_public AS is_public,
    earlier.license AS licence_before,
    models.license AS licence_now
FROM models
INNER JOIN models_at($since) AS earlier ON earlier.id = models.id
WHERE ($org IS NULL OR models.org = $org)
    AND models.license IS DISTINCT FROM earlier.license
ORDER BY models.id
LIMIT $most;
