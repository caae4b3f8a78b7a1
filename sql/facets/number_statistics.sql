-- How the numbers of the models that pass are spread: per number how many models have it, the least, the greatest, the mean
-- and the quartiles (values that occur).
-- `models` is an Arrow table of them.
SELECT
    count(models.parameters) AS parameters_count,
    min(models.parameters) AS parameters_minimum,
    max(models.parameters) AS parameters_maximum,
    avg(models.parameters) AS parameters_mean,
    quantile_disc(models.parameters, [0.25, 0.5, 0.75]) AS parameters_quartiles,
    count(models.size_bytes) AS size_bytes_count,
    min(models.size_bytes) AS size_bytes_minimum,
    max(models.size_bytes) AS size_bytes_maximum,
    avg(models.size_bytes) AS size_bytes_mean,
    quantile_disc(models.size_bytes, [0.25, 0.5, 0.75]) AS size_bytes_quartiles,
    count(models.downloads) AS downloads_count,
    min(models.downloads) AS downloads_minimum,
    max(models.downloads) AS downloads_maximum,
    avg(models.downloads) AS downloads_mean,
    quantile_disc(models.downloads, [0.25, 0.5, 0.75]) AS downloads_quartiles
FROM models;
