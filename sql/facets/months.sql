-- The number of selected models created in each month, in UTC. Models without a time are left out.
SELECT
    year(selected.created_at) AS year,
    month(selected.created_at) AS month,
    count(*) AS models
FROM (
    -- include facets/selected
) AS selected
WHERE selected.created_at IS NOT NULL
GROUP BY year(selected.created_at), month(selected.created_at)
ORDER BY year(selected.created_at), month(selected.created_at)
