-- Which orgs have models without a licence, and how many?
--
-- One row per org, the most models without a licence first. `percent` is their share of the org's models.
--
-- $org VARCHAR = NULL: only this org; null: all orgs
-- $examples BIGINT = 3: how many models to name
-- $most BIGINT = 20: the most rows to list
SELECT
    models.org AS org,
    count(*) FILTER (WHERE models.license IS NULL) AS models_without_license,
    count(*) AS models,
    round(100 * count(*) FILTER (WHERE models.license IS NULL) / count(*), 1) AS percent,
    (list(models.id ORDER BY models.id) FILTER (WHERE models.license IS NULL))[:$examples] AS examples
FROM models
WHERE $org IS NULL OR models.org = $org
GROUP BY models.org
HAVING count(*) FILTER (WHERE models.license IS NULL) > 0
ORDER BY models_without_license DESC, models.org
LIMIT $most;
