-- The distribution of each number over the selected models: the number of models that have it, its minimum, maximum and
-- sum, and its quartiles, which are values that occur.
SELECT
    count(selected.parameters) AS parameters_count,
    min(selected.parameters) AS parameters_minimum,
    max(selected.parameters) AS parameters_maximum,
    sum(CAST(selected.parameters AS DECIMAL(38, 0))) AS parameters_sum,
    CASE WHEN count(selected.parameters) > 0 THEN array(get(array_sort(collect_list(selected.parameters)), CAST(ceil(0.25 * count(selected.parameters)) AS INT) - 1), get(array_sort(collect_list(selected.parameters)), CAST(ceil(0.5 * count(selected.parameters)) AS INT) - 1), get(array_sort(collect_list(selected.parameters)), CAST(ceil(0.75 * count(selected.parameters)) AS INT) - 1)) END AS parameters_quartiles,
    count(selected.size_bytes) AS size_bytes_count,
    min(selected.size_bytes) AS size_bytes_minimum,
    max(selected.size_bytes) AS size_bytes_maximum,
    sum(CAST(selected.size_bytes AS DECIMAL(38, 0))) AS size_bytes_sum,
    CASE WHEN count(selected.size_bytes) > 0 THEN array(get(array_sort(collect_list(selected.size_bytes)), CAST(ceil(0.25 * count(selected.size_bytes)) AS INT) - 1), get(array_sort(collect_list(selected.size_bytes)), CAST(ceil(0.5 * count(selected.size_bytes)) AS INT) - 1), get(array_sort(collect_list(selected.size_bytes)), CAST(ceil(0.75 * count(selected.size_bytes)) AS INT) - 1)) END AS size_bytes_quartiles,
    count(selected.downloads) AS downloads_count,
    min(selected.downloads) AS downloads_minimum,
    max(selected.downloads) AS downloads_maximum,
    sum(CAST(selected.downloads AS DECIMAL(38, 0))) AS downloads_sum,
    CASE WHEN count(selected.downloads) > 0 THEN array(get(array_sort(collect_list(selected.downloads)), CAST(ceil(0.25 * count(selected.downloads)) AS INT) - 1), get(array_sort(collect_list(selected.downloads)), CAST(ceil(0.5 * count(selected.downloads)) AS INT) - 1), get(array_sort(collect_list(selected.downloads)), CAST(ceil(0.75 * count(selected.downloads)) AS INT) - 1)) END AS downloads_quartiles
FROM (
    -- include spark/selected
) AS selected
