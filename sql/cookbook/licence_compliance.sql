-- Which models have a licence that is not on the list of allowed ones, or none at all?
--
-- One row a licence, the worst first: how many models state it, how many of these are public, and some of them by name.
-- `no licence` means that nobody may use the model, strictly speaking. Licences compare to the letter: `MIT` is not `mit`.
--
-- $org VARCHAR = NULL: only this org's models; null: everybody's
-- $allowed VARCHAR[] = 'apache-2.0,bsd-3-clause,cc-by-4.0,cc0-1.0,mit': the licences that are fine
-- $examples BIGINT = 3: how many models are named
SELECT
    coalesce(models.license, 'no licence') AS licence,
    count(*) AS models,
    count(*) FILTER (WHERE models.is_public) AS public_models,
    list(models.id ORDER BY models.id)[:$examples] AS examples
FROM models
WHERE ($org IS NULL OR models.org = $org)
    AND (models.license IS NULL OR NOT list_contains($allowed, models.license))
GROUP BY models.license
ORDER BY models.license IS NOT NULL, count(*) DESC, models.license;
