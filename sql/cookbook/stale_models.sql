-- Which models have not changed for a long time?
--
-- One row per model, the longest unchanged first, by `updated_at`, or `created_at` where that is missing. Models with
-- neither are left out; `missing-metadata` counts them. Days are counted up to the latest date in the snapshot, not
-- today, so that a snapshot always gives the same answer.
--
-- $org VARCHAR = NULL: only this org's models; null: all orgs
-- $days BIGINT = 730: unchanged for at least this many days
-- $most BIGINT = 20: the most rows to list
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
