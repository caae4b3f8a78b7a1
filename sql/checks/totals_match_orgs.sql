-- Parts of orgs (their public or private models) whose totals count another number of models than the part has.
WITH parts AS (
    SELECT orgs.public_first AS first, orgs.public_end - orgs.public_first AS models FROM snapshot.orgs AS orgs
    UNION ALL
    SELECT orgs.private_first AS first, orgs.private_end - orgs.private_first AS models FROM snapshot.orgs AS orgs
)
SELECT
    coalesce(parts.first, counted.first) AS first,
    parts.models AS models,
    counted.models AS models_in_totals
FROM (SELECT parts.first AS first, parts.models AS models FROM parts WHERE parts.models > 0) AS parts
FULL JOIN (
    SELECT facet_totals.first AS first, facet_totals.models AS models
    FROM snapshot.facet_totals AS facet_totals
    WHERE facet_totals.code = 0
) AS counted ON counted.first = parts.first
WHERE counted.models IS DISTINCT FROM parts.models
ORDER BY first;
