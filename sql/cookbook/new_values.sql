-- Which facet values are there now that no model held in an earlier snapshot?
--
-- One row a value, the commonest first. A new spelling of an old value shows up here first (`casing-twins`).
--
-- $since VARCHAR = 'previous': a date, a time, the id of a snapshot, first or previous
-- $facet VARCHAR = NULL: only this facet: tags, license, task_categories, framework or size_category; null: every one
-- $most BIGINT = 20: how many values are listed
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
