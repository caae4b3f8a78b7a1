-- The number of models in each bar of the histograms, over all models that the caller may see, without filters: summed over
-- the parts of the catalogue. A bar is -100 for `parameters`, -200 for `size_bytes`, -300 for `downloads`, minus its index:
-- 0 for numbers below 1, 1 for those from 1 and below 2, 2 for those from 2 and below 5, and so on.
--
-- $public_first INTEGER: row id of the first public model in scope
-- $public_end INTEGER: row id after the last one
-- $private_first INTEGER: row id of the first private model of the org
-- $private_end INTEGER: row id after the last one
SELECT
    bar_totals.bar AS code,
    CAST(sum(bar_totals.models) AS BIGINT) AS models
FROM bar_totals
WHERE
    (bar_totals.first >= $public_first AND bar_totals.first < $public_end)
    OR (bar_totals.first >= $private_first AND bar_totals.first < $private_end)
GROUP BY bar_totals.bar
