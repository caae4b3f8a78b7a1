-- The distribution of each number over the selected models: the number of models that have it, its minimum, maximum and
-- sum, and its quartiles, which are values that occur.
SELECT
    count(selected.parameters) AS parameters_count,
    min(selected.parameters) AS parameters_minimum,
    max(selected.parameters) AS parameters_maximum,
    sum(selected.parameters) AS parameters_sum,
    quantile_disc(selected.parameters, [0.25, 0.5, 0.75]) AS parameters_quartiles,
    count(selected.size_bytes) AS size_bytes_count,
    min(selected.size_bytes) AS size_bytes_minimum,
    max(selected.size_bytes) AS size_bytes_maximum,
    sum(selected.size_bytes) AS size_bytes_sum,
    quantile_disc(selected.size_bytes, [0.25, 0.5, 0.75]) AS size_bytes_quartiles,
    count(selected.downloads) AS downloads_count,
    min(selected.downloads) AS downloads_minimum,
    max(selected.downloads) AS downloads_maximum,
    sum(selected.downloads) AS downloads_sum,
    quantile_disc(selected.downloads, [0.25, 0.5, 0.75]) AS downloads_quartiles
FROM (
    -- include facets/selected
) AS selected
