-- Which licences do the models of each framework have?
--
-- One row per framework and licence: the number of models, and their share of the framework's models in percent.
-- `none` means no licence.
--
-- $org VARCHAR = NULL: only this org's models; null: all orgs
-- $at_least_percent DOUBLE = 5: leave out smaller shares
WITH counted AS (
    SELECT
        models.framework AS framework,
        coalesce(models.license, 'none') AS license,
        count(*) AS models
    FROM models
    WHERE models.framework IS NOT NULL
        AND ($org IS NULL OR models.org = $org)
    GROUP BY models.framework, coalesce(models.license, 'none')
),
shared AS (
    SELECT
        counted.framework AS framework,
        counted.license AS license,
        counted.models AS models,
        sum(counted.models) OVER (PARTITION BY counted.framework) AS of_framework
    FROM counted
)
SELECT
    shared.framework AS framework,
    shared.license AS license,
    shared.models AS models,
    round(100 * shared.models / shared.of_framework, 1) AS percent_of_framework
FROM shared
WHERE 100 * shared.models / shared.of_framework >= $at_least_percent
ORDER BY shared.of_framework DESC, shared.framework, shared.models DESC, shared.license;
