-- Which models have no licence, or one that is not on the list of allowed licences?
--
-- One row per licence, models without one first. Without a licence, nobody has permission to use the model. Licences
-- are compared exactly: `MIT` is not `mit`.
--
-- $org VARCHAR = NULL: only this org's models; null: all orgs
-- $allowed VARCHAR[] = 'apache-2.0,bsd-3-clause,cc-by-4.0,cc0-1.0,mit': the allowed licences
-- $examples BIGINT = 3: how many models to name
SELECT
    coalesce(models.license, 'none') AS license,
    count(*) AS models,
    count(*) FILTER (WHERE models.is_public) AS public_models,
    list(models.id ORDER BY models.id)[:$examples] AS examples
FROM models
WHERE ($org IS NULL OR models.org = $org)
    AND (models.license IS NULL OR NOT list_contains($allowed, models.license))
GROUP BY models.license
ORDER BY models.license IS NOT NULL, count(*) DESC, models.license;
