-- index/facet_values.parquet: every facet value with its code and its counts over the whole catalogue; null stands for no
-- value of the facet.
SELECT
    facet_values.code AS code,
    facet_values.facet AS facet,
    facet_values.value AS value,
    facet_values.models AS models,
    facet_values.public_models AS public_models
FROM facet_values
ORDER BY facet_values.code;
