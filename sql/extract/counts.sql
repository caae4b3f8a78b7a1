-- The numbers of models, public models and orgs in the files with the rows that one org may see.
-- $files VARCHAR[]: the files
SELECT
    count(*) AS models,
    count(*) FILTER (WHERE rows_seen.is_public) AS public_models,
    count(DISTINCT rows_seen.org) AS orgs
FROM read_parquet($files, hive_partitioning = false) AS rows_seen;
