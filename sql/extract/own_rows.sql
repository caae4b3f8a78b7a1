-- The private rows of one org.
-- $files VARCHAR[]: the files with the private rows of all orgs
-- $org VARCHAR: slug of the org
SELECT private.*
FROM read_parquet($files, hive_partitioning = false) AS private
WHERE private.org = $org;
