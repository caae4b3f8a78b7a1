-- The remaining rows, in the order of the files and of the row ids: public rows first, then by bucket, org and id. The
-- row id (`rid`) of a row is its position in this table, its `rowid`.
-- $buckets UINTEGER: number of hash buckets of orgs
CREATE TABLE ordered AS
SELECT
    staged.id AS id,
    staged.org AS org,
    staged.name AS name,
    staged.description AS description,
    staged.tags AS tags,
    staged.license AS license,
    staged.task_categories AS task_categories,
    staged.framework AS framework,
    staged.size_category AS size_category,
    staged.is_public AS is_public,
    staged.created_at AS created_at,
    staged.updated_at AS updated_at,
    staged.parameters AS parameters,
    staged.size_bytes AS size_bytes,
    staged.downloads AS downloads,
    staged.search_text AS search_text,
    -- of the md5, not of DuckDB's own hash, which may change with its version
    CAST(CAST('0x' || left(md5(staged.org), 8) AS UBIGINT) % $buckets AS UINTEGER) AS bucket
FROM staged
WHERE staged.seq NOT IN (SELECT duplicates.seq FROM duplicates)
ORDER BY is_public DESC, bucket, org, id;
