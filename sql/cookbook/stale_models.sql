-- Which models have not been touched for long?
--
-- One row a model, the longest untouched first: by `updated_at`, or by `created_at` where there is none. Models that have
-- neither are left out (`missing-metadata` counts them). The days are counted to the
-- youngest date among them, not to today, so that the answer is that of the snapshot.
--
-- $org VARCHAR = NULL: only this org's models; null: everybody's
-- $days BIGINT = 730: untouched for at least so many days
-- $most BIGINT = 20: how many models are listed
WITH touched AS (
    SELECT
        models.id AS id,
        models.org AS org,
        models.is_public AS is_public,
        coalesce(models.updated_at, models.created_at) AS touched_at
    FROM models
    WHERE $org IS NULL OR models.org = $org
),
latest AS (
    SELECT max(touched.touched_at) AS touched_at
    FROM touched
)
SELECT
    touched.id AS id,
    touched.is_public AS is_public,
    CAST(touched.touched_at AS DATE) AS touched_on,
    date_diff('day', CAST(touched.touched_at AS DATE), CAST(latest.touched_at AS DATE)) AS days
FROM touched
CROSS JOIN latest
WHERE date_diff('day', CAST(touched.touched_at AS DATE), CAST(latest.touched_at AS DATE)) >= $days
ORDER BY touched.touched_at, touched.id
LIMIT $most;
