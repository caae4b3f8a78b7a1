-- Which facet values are new since an earlier snapshot?
--
-- One row per value, the commonest first. A new spelling of an old value appears here first; see `casing-twins`.
--
-- $since VARCHAR = 'previous': a date, a time, a snapshot id, first or previous
-- $facet VARCHAR = NULL: only this facet: tags, license, task_categories, framework or size_category; null: all
-- $most BIGINT = 20: the most rows to list
SELECT
    facet_values.facet AS facet,
    facet_values.value AS value,
    facet_values.models AS models,
    facet_values.public_models AS public_models
FROM facet_values
WHERE ($facet IS NULL OR facet_values.facet = $facet)
    AND NOT EXISTS (
        SELECT 1
        FROM facet_values_at($since) AS earlier
        WHERE earlier.facet = facet_values.facet AND earlier.value = facet_values.value
    )
ORDER BY facet_values.models DESC, facet_values.facet, facet_values.value
LIMIT $most;
