-- Models in a partition of the other visibility, or of another bucket than the other models of their org.
SELECT
    models.org AS org,
    models.is_public AS is_public,
    min(models.visibility) AS visibility,
    count(DISTINCT models.bucket) AS buckets
FROM models
GROUP BY models.org, models.is_public
HAVING count(*) FILTER (WHERE (models.visibility = 'public') <> models.is_public) > 0
    OR count(DISTINCT models.bucket) > 1
ORDER BY org, is_public;
