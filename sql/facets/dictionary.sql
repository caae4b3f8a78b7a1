-- Every facet value by its code, and the number of public models that have it. The service reads it once.
SELECT
    facet_values.code AS code,
    facet_values.facet AS facet,
    facet_values.value AS value,
    facet_values.public_models AS public_models
FROM facet_values
ORDER BY facet_values.code
