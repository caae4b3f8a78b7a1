-- Orgs whose ranges of row ids have another number of models than the records. An org without models has empty ranges.
WITH recounted AS (
    SELECT
        models.org AS org,
        count(*) FILTER (WHERE models.is_public) AS public_models,
        count(*) FILTER (WHERE NOT models.is_public) AS private_models
    FROM models
    GROUP BY models.org
)
SELECT
    coalesce(recounted.org, orgs.org) AS org,
    recounted.public_models AS public_models,
    recounted.private_models AS private_models
FROM recounted
FULL JOIN snapshot.orgs AS orgs ON orgs.org = recounted.org
WHERE coalesce(recounted.public_models, 0) IS DISTINCT FROM orgs.public_end - orgs.public_first
    OR coalesce(recounted.private_models, 0) IS DISTINCT FROM orgs.private_end - orgs.private_first
ORDER BY org;
