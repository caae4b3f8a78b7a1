-- Codes whose number of occurrences in the lists of the models differs from the count of the value.
WITH recounted AS (
    SELECT
        held.code AS code,
        count(*) AS models,
        count(*) FILTER (WHERE held.rid < (SELECT coalesce(max(orgs.public_end), 0) FROM snapshot.orgs AS orgs)) AS public_models
    FROM (
        SELECT indexed.rid AS rid, unnest(indexed.codes) AS code
        FROM snapshot.models AS indexed
    ) AS held
    WHERE held.code > 0
    GROUP BY held.code
)
SELECT
    coalesce(recounted.code, facet_values.code) AS code,
    recounted.models AS models_in_lists,
    facet_values.models AS models_expected
FROM recounted
FULL JOIN snapshot.facet_values AS facet_values ON facet_values.code = recounted.code
WHERE coalesce(recounted.models, 0) IS DISTINCT FROM facet_values.models
    OR coalesce(recounted.public_models, 0) IS DISTINCT FROM facet_values.public_models
ORDER BY code;
