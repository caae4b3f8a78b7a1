-- Which values of a facet differ only in case, white space, hyphens or underscores?
--
-- One row per group of spellings, the commonest first. A filter by one spelling misses the models of the others:
-- `missed_models` counts the models of all but the commonest.
--
-- $facet VARCHAR = 'tags': tags, license, task_categories, framework or size_category
-- $most BIGINT = 20: the most rows to list
WITH folded AS (
    SELECT
        regexp_replace(lower(facet_values.value), '[-_ ]+', '-', 'g') AS folded,
        facet_values.value AS value,
        facet_values.models AS models
    FROM facet_values
    WHERE facet_values.facet = $facet
)
SELECT
    list(folded.value ORDER BY folded.models DESC, folded.value) AS spellings,
    list(folded.models ORDER BY folded.models DESC, folded.value) AS models,
    CAST(sum(folded.models) - max(folded.models) AS BIGINT) AS missed_models
FROM folded
GROUP BY folded.folded
HAVING count(*) > 1
ORDER BY missed_models DESC, folded.folded
LIMIT $most;
