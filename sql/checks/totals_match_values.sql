-- Codes whose totals, summed over all orgs, differ from the counts of the value; of public models (`is_public`) and of
-- private ones.
WITH summed AS (
    SELECT
        facet_totals.code AS code,
        facet_totals.first < (SELECT coalesce(max(orgs.public_end), 0) FROM snapshot.orgs AS orgs) AS is_public,
        sum(facet_totals.models) AS models
    FROM snapshot.facet_totals AS facet_totals
    WHERE facet_totals.code > 0
    GROUP BY facet_totals.code, is_public
),
expected AS (
    SELECT facet_values.code AS code, TRUE AS is_public, facet_values.public_models AS models
    FROM snapshot.facet_values AS facet_values
    UNION ALL
    SELECT facet_values.code AS code, FALSE AS is_public, facet_values.models - facet_values.public_models AS models
    FROM snapshot.facet_values AS facet_values
)
SELECT
    coalesce(summed.code, expected.code) AS code,
    coalesce(summed.is_public, expected.is_public) AS is_public,
    summed.models AS models_in_totals,
    expected.models AS models_expected
FROM summed
FULL JOIN expected ON expected.code = summed.code AND expected.is_public = summed.is_public
WHERE coalesce(summed.models, 0) IS DISTINCT FROM coalesce(expected.models, 0)
ORDER BY code, is_public;
