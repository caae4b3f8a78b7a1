-- The numbers, times and search texts of the models, in memory, in the order of the file, which is that of the row ids:
-- DuckDB keeps it, and so skips what lies outside of a range.
-- $path VARCHAR: index/model_facets.parquet of the snapshot
CREATE TABLE models AS
SELECT
    indexed.rid AS rid,
    indexed.parameters AS parameters,
    indexed.size_bytes AS size_bytes,
    indexed.downloads AS downloads,
    indexed.created_at AS created_at,
    indexed.updated_at AS updated_at,
    indexed.search_text AS search_text
FROM read_parquet($path) AS indexed;
