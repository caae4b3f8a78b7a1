-- The facet values in `facet_values` but not in `values_before` (`is_new`), and the reverse: their number by facet, and
-- the commonest by name.
-- $at_most INTEGER: the most values to name, per facet and direction
WITH after AS (
    SELECT facet_values.facet AS facet, facet_values.value AS value, facet_values.models AS models
    FROM facet_values
    WHERE facet_values.value IS NOT NULL
),
before AS (
    SELECT values_before.facet AS facet, values_before.value AS value, values_before.models AS models
    FROM values_before
    WHERE values_before.value IS NOT NULL
),
changed AS (
    SELECT
        coalesce(after.facet, before.facet) AS facet,
        coalesce(after.value, before.value) AS value,
        coalesce(after.models, before.models) AS models,
        before.value IS NULL AS is_new
    FROM after
    FULL JOIN before ON before.facet = after.facet AND before.value = after.value
    WHERE after.value IS NULL OR before.value IS NULL
)
SELECT
    changed.facet AS facet,
    changed.is_new AS is_new,
    count(*) AS changes,
    list(changed.value ORDER BY changed.models DESC, changed.value)[:$at_most] AS commonest
FROM changed
GROUP BY changed.facet, changed.is_new
ORDER BY changed.facet, changed.is_new;
