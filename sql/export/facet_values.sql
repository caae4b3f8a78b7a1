-- The code of every facet value. Codes 0 to 5 are no values: 0 is left for the models themselves, and a model without a
-- value of the facet of index n holds n + 1. Values follow by descending count, so that hot ones are small numbers.
CREATE TABLE facet_values AS
WITH counted AS (
    SELECT
        exploded.facet AS facet,
        exploded.value AS value,
        count(*) AS models,
        count(*) FILTER (WHERE exploded.is_public) AS public_models
    FROM exploded
    GROUP BY exploded.facet, exploded.value
)
SELECT
    CAST(missing.facet + 1 AS UINTEGER) AS code,
    CAST(missing.facet AS UTINYINT) AS facet,
    NULL AS value,
    coalesce(counted.models, 0) AS models,
    coalesce(counted.public_models, 0) AS public_models
FROM (SELECT unnest([0, 1, 2, 3, 4]) AS facet) AS missing
LEFT JOIN counted ON counted.facet = missing.facet AND counted.value IS NULL
UNION ALL
SELECT
    CAST(5 + row_number() OVER (ORDER BY counted.models DESC, counted.facet, counted.value) AS UINTEGER) AS code,
    CAST(counted.facet AS UTINYINT) AS facet,
    counted.value AS value,
    counted.models AS models,
    counted.public_models AS public_models
FROM counted
WHERE counted.value IS NOT NULL;
