-- How concentrated are the downloads?
--
-- One row per tenth of the models with a download count, the most downloaded tenth first. `percent` is the tenth's
-- share of all downloads, `percent_so_far` the share of it and the tenths above. An empty result means that no model
-- has a download count.
--
-- $org VARCHAR = NULL: only this org's models; null: all orgs
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
