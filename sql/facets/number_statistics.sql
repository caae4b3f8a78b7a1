-- How the numbers of the models that pass are spread: per number how many models have it, the least, the greatest, the mean
-- and the quartiles (values that occur).
-- `passing` is what sql/facets/passing.sql answers.
SELECT
    count(passing.parameters) AS parameters_count,
    min(passing.parameters) AS parameters_minimum,
    max(passing.parameters) AS parameters_maximum,
    avg(passing.parameters) AS parameters_mean,
    quantile_disc(passing.parameters, [0.25, 0.5, 0.75]) AS parameters_quartiles,
    count(passing.size_bytes) AS size_bytes_count,
    min(passing.size_bytes) AS size_bytes_minimum,
    max(passing.size_bytes) AS size_bytes_maximum,
    avg(passing.size_bytes) AS size_bytes_mean,
    quantile_disc(passing.size_bytes, [0.25, 0.5, 0.75]) AS size_bytes_quartiles,
    count(passing.downloads) AS downloads_count,
    min(passing.downloads) AS downloads_minimum,
    max(passing.downloads) AS downloads_maximum,
    avg(passing.downloads) AS downloads_mean,
    quantile_disc(passing.downloads, [0.25, 0.5, 0.75]) AS downloads_quartiles
FROM passing;
