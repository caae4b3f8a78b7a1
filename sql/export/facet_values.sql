-- The code of every facet value: from 1, by descending count, so that hot values are small numbers. Code 0 is no value:
-- every model holds it, so that it counts the models themselves.
CREATE TABLE facet_values AS
SELECT
    CAST(row_number() OVER (ORDER BY counted.models DESC, counted.facet, counted.value) AS UINTEGER) AS code,
    CAST(counted.facet AS UTINYINT) AS facet,
    counted.value AS value,
    counted.models AS models,
    counted.public_models AS public_models
FROM (
    SELECT
        exploded.facet AS facet,
        exploded.value AS value,
        count(*) AS models,
        count(*) FILTER (WHERE exploded.is_public) AS public_models
    FROM exploded
    GROUP BY exploded.facet, exploded.value
) AS counted;
