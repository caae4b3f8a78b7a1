-- Where every row that stays goes: its partition, and its row id (`rid`), dense from 0 in the order of the files.
-- Public rows come first; within a visibility, the rows of an org follow one another.
-- $buckets UINTEGER: number of hash buckets that the orgs are spread over
CREATE TABLE placed AS
SELECT
    kept.seq AS seq,
    kept.org AS org,
    kept.is_public AS is_public,
    kept.bucket AS bucket,
    CAST(row_number() OVER (ORDER BY kept.is_public DESC, kept.bucket, kept.org, kept.id) - 1 AS UINTEGER) AS rid
FROM (
    SELECT
        staged.seq AS seq,
        staged.id AS id,
        staged.org AS org,
        staged.is_public AS is_public,
        -- of the md5, not of DuckDB's own hash, which may change with its version
        CAST(CAST('0x' || left(md5(staged.org), 8) AS UBIGINT) % $buckets AS UINTEGER) AS bucket
    FROM staged
    WHERE staged.seq NOT IN (SELECT duplicates.seq FROM duplicates)
) AS kept;
