-- Which licences do the models of each framework carry?
--
-- One row a framework and licence: how many models, and their share of the framework's models in per cent. `none` is
-- where no licence is stated.
--
-- $org VARCHAR = NULL: only this org's models; null: everybody's
-- $at_least_percent DOUBLE = 5: smaller shares are left out
WITH counted AS (
    SELECT
        models.framework AS framework,
        coalesce(models.license, 'none') AS licence,
        count(*) AS models
    FROM models
    WHERE models.framework IS NOT NULL
        AND ($org IS NULL OR models.org = $org)
    GROUP BY models.framework, coalesce(models.license, 'none')
),
shared AS (
    SELECT
        counted.framework AS framework,
        counted.licence AS licence,
        counted.models AS models,
        sum(counted.models) OVER (PARTITION BY counted.framework) AS of_framework
    FROM counted
)
SELECT
    shared.framework AS framework,
    shared.licence AS licence,
    shared.models AS models,
    round(100 * shared.models / shared.of_framework, 1) AS percent_of_framework
FROM shared
WHERE 100 * shared.models / shared.of_framework >= $at_least_percent
ORDER BY shared.of_framework DESC, shared.framework, shared.models DESC, shared.licence;
