-- On how few models do the downloads fall?
--
-- One row a tenth of the models whose downloads are known, the most downloaded first: the downloads of each tenth and of
-- all up to it, in per cent. No rows: the catalogue knows no downloads.
--
-- $org VARCHAR = NULL: only this org's models; null: everybody's
WITH ranked AS (
    SELECT
        models.downloads AS downloads,
        ntile(10) OVER (ORDER BY models.downloads DESC, models.id) AS tenth
    FROM models
    WHERE models.downloads IS NOT NULL
        AND ($org IS NULL OR models.org = $org)
),
counted AS (
    SELECT ranked.tenth AS tenth, count(*) AS models, sum(ranked.downloads) AS downloads
    FROM ranked
    GROUP BY ranked.tenth
)
SELECT
    counted.tenth AS tenth,
    counted.models AS models,
    CAST(counted.downloads AS BIGINT) AS downloads,
    round(100 * counted.downloads / nullif(sum(counted.downloads) OVER (), 0), 1) AS percent,
    round(
        100 * sum(counted.downloads) OVER (ORDER BY counted.tenth) / nullif(sum(counted.downloads) OVER (), 0), 1
    ) AS percent_so_far
FROM counted
ORDER BY counted.tenth;
