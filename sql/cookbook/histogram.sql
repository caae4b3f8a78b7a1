-- How are parameters, sizes in bytes or downloads distributed?
--
-- One row per bin that has models, on a log scale: each power of ten is split at 1, 2 and 5, as in the `stats` of the HTTP
-- API. A bin holds numbers from `lower` up to but not including `upper`; in the first bin, `lower` is null and numbers are
-- below 1. Models without the number are left out.
--
-- $column VARCHAR = 'parameters': parameters, size_bytes or downloads
-- $org VARCHAR = NULL: only this org's models; null: all orgs
WITH numbers AS (
    SELECT
        CASE $column
            WHEN 'parameters' THEN models.parameters
            WHEN 'size_bytes' THEN models.size_bytes
            WHEN 'downloads' THEN models.downloads
        END AS number
    FROM models
    WHERE $org IS NULL OR models.org = $org
),
powers AS (
    SELECT
        numbers.number AS number,
        CAST(10 ** (length(CAST(numbers.number AS VARCHAR)) - 1) AS UBIGINT) AS power
    FROM numbers
    WHERE numbers.number IS NOT NULL
),
bins AS (
    SELECT
        CASE
            WHEN powers.number < 1 THEN NULL
            WHEN powers.number >= 5 * powers.power THEN 5 * powers.power
            WHEN powers.number >= 2 * powers.power THEN 2 * powers.power
            ELSE powers.power
        END AS lower,
        CASE
            WHEN powers.number < 1 THEN 1
            WHEN powers.number >= 5 * powers.power THEN 10 * powers.power
            WHEN powers.number >= 2 * powers.power THEN 5 * powers.power
            ELSE 2 * powers.power
        END AS upper
    FROM powers
)
SELECT
    CAST(bins.lower AS UBIGINT) AS lower,
    CAST(bins.upper AS UBIGINT) AS upper,
    count(*) AS models,
    round(100 * count(*) / sum(count(*)) OVER (), 1) AS percent
FROM bins
GROUP BY bins.lower, bins.upper
ORDER BY bins.upper;
