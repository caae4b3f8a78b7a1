-- How many of the selected models fall into each bar of the histograms. A bar is -100 for `parameters`, -200 for
-- `size_bytes`, -300 for `downloads`, less its place: 0 for all below 1, then 1 to before 2, 2 to before 5, and so on.
SELECT
    held.bar AS code,
    count(*) AS models
FROM (
    SELECT explode(selected.bars) AS bar
    FROM (
        -- include spark/selected
    ) AS selected
) AS held
GROUP BY held.bar
