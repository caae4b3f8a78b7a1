-- How large are the models of each framework?
--
-- One row a framework, by its number of models: parameters of the smallest model, of the one that a quarter, a half, nine
-- tenths are smaller than, and of the largest. Only models whose parameters are known count.
--
-- $org VARCHAR = NULL: only this org's models; null: everybody's
-- $at_least BIGINT = 5: frameworks of fewer models are left out
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
