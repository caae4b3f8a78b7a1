-- The rows of an earlier snapshot that one org alone sees.
--
-- What it saw then, public or its own, of models that it sees now; without what everybody may see of them. A model that
-- was another's private one then stays hidden, whosever it is now.
--
-- $earlier_public VARCHAR[]: the files with the rows that were public then
-- $earlier_private VARCHAR[]: the files with the rows that were private then, of all orgs
-- $present_public VARCHAR[]: the files with the rows that are public now
-- $own VARCHAR[]: the files with the org's private rows now
-- $org VARCHAR: slug of the org
WITH own AS (
    SELECT own_rows.id AS id
    FROM read_parquet($own, hive_partitioning = false) AS own_rows
)
SELECT earlier.*
FROM read_parquet($earlier_public, hive_partitioning = false) AS earlier
WHERE earlier.id IN (SELECT own.id FROM own)
UNION ALL
SELECT earlier.*
FROM read_parquet($earlier_private, hive_partitioning = false) AS earlier
WHERE earlier.org = $org
    AND (
        earlier.id IN (SELECT own.id FROM own)
        OR earlier.id IN (SELECT present.id FROM read_parquet($present_public, hive_partitioning = false) AS present)
    );
