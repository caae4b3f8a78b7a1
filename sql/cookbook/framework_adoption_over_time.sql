-- Which frameworks did new models use, year by year?
--
-- One row per year and framework: the models created in that year, and their share of the year's models in percent.
-- Models without a date or a framework are left out. The last year may be incomplete.
--
-- $org VARCHAR = NULL: only this org's models; null: all orgs
-- $at_least_percent DOUBLE = 5: leave out smaller shares
WITH counted AS (
    SELECT
        date_part('year', models.created_at) AS year,
        models.framework AS framework,
        count(*) AS models
    FROM models
    WHERE models.created_at IS NOT NULL
        AND models.framework IS NOT NULL
        AND ($org IS NULL OR models.org = $org)
    GROUP BY date_part('year', models.created_at), models.framework
),
shared AS (
    SELECT
        counted.year AS year,
        counted.framework AS framework,
        counted.models AS models,
        sum(counted.models) OVER (PARTITION BY counted.year) AS of_year
    FROM counted
)
SELECT
    shared.year AS year,
    shared.framework AS framework,
    shared.models AS models,
    round(100 * shared.models / shared.of_year, 1) AS percent_of_year
FROM shared
WHERE 100 * shared.models / shared.of_year >= $at_least_percent
ORDER BY shared.year, shared.models DESC, shared.framework;
