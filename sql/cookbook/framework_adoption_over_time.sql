-- Which frameworks did new models choose, year by year?
--
-- One row a year and framework: models made in that year, and their share of the year's models in per cent. Models
-- without a date or a framework are left out; the last year may not be over.
--
-- $org VARCHAR = NULL: only this org's models; null: everybody's
-- $at_least_percent DOUBLE = 5: smaller shares are left out
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
