-- Histograms of the numbers of the models that pass: per number and bin how many models. The bins of `exponent` n and `step`
-- 0, 1, 2 begin at 1, 2 and 5 times 10 to the n; what is below 1 has exponent -1. The digits tell the bin, since a logarithm
-- would be off at its bounds.
-- `models` is an Arrow table of them.
SELECT
    binned.measure AS measure,
    binned.exponent AS exponent,
    binned.step AS step,
    count(*) AS models
FROM (
    SELECT
        written.measure AS measure,
        CASE WHEN written.number < 1 THEN -1 ELSE len(written.digits) - 1 END AS exponent,
        CASE WHEN written.number < 1 OR written.digits < '2' THEN 0 WHEN written.digits < '5' THEN 1 ELSE 2 END AS step
    FROM (
        SELECT
            held.pair.measure AS measure,
            held.pair.number AS number,
            CAST(held.pair.number AS VARCHAR) AS digits
        FROM (
            SELECT
                unnest([
                    {'measure': 0, 'number': models.parameters},
                    {'measure': 1, 'number': models.size_bytes},
                    {'measure': 2, 'number': models.downloads}
                ]) AS pair
            FROM models
        ) AS held
        WHERE held.pair.number IS NOT NULL
    ) AS written
) AS binned
GROUP BY binned.measure, binned.exponent, binned.step
ORDER BY measure, exponent, step;
