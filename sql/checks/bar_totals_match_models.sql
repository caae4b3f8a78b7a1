-- Numbers whose histogram totals, summed over all orgs, differ from the number of models that have the number; of public
-- models (`is_public`) and of private ones. `place` is 1 for `parameters`, 2 for `size_bytes`, 3 for `downloads`.
WITH public AS (
    SELECT coalesce(max(orgs.public_end), 0) AS end FROM snapshot.orgs AS orgs
),
summed AS (
    SELECT
        -(bar_totals.bar) // 100 AS place,
        bar_totals.first < public.end AS is_public,
        sum(bar_totals.models) AS models
    FROM snapshot.bar_totals AS bar_totals, public
    GROUP BY place, is_public
),
held AS (
    SELECT
        models.rid < public.end AS is_public,
        [count(models.parameters), count(models.size_bytes), count(models.downloads)] AS counts
    FROM snapshot.models AS models, public
    GROUP BY is_public
),
expected AS (
    SELECT
        held.is_public AS is_public,
        unnest([1, 2, 3]) AS place,
        unnest(held.counts) AS models
    FROM held
)
SELECT
    coalesce(summed.place, expected.place) AS place,
    coalesce(summed.is_public, expected.is_public) AS is_public,
    summed.models AS models_in_totals,
    expected.models AS models_expected
FROM summed
FULL JOIN expected ON expected.place = summed.place AND expected.is_public = summed.is_public
WHERE coalesce(summed.models, 0) IS DISTINCT FROM coalesce(expected.models, 0)
ORDER BY place, is_public;
