-- How large are the models of each framework?
--
-- One row per framework, the most models first: the smallest and largest number of parameters, and the quantiles at
-- 25, 50 and 90 percent. Models without a number of parameters are left out.
--
-- $org VARCHAR = NULL: only this org's models; null: all orgs
-- $at_least BIGINT = 5: leave out frameworks with fewer models
SELECT
    models.framework AS framework,
    count(*) AS models,
    min(models.parameters) AS smallest,
    quantile_disc(models.parameters, 0.25) AS quarter,
    quantile_disc(models.parameters, 0.5) AS half,
    quantile_disc(models.parameters, 0.9) AS nine_tenths,
    max(models.parameters) AS largest
FROM models
WHERE models.framework IS NOT NULL
    AND models.parameters IS NOT NULL
    AND ($org IS NULL OR models.org = $org)
GROUP BY models.framework
HAVING count(*) >= $at_least
ORDER BY count(*) DESC, models.framework;
