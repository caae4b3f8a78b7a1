-- The models' codes and search texts, in memory, in the order of the file, which is that of the row ids:
-- DuckDB keeps it, and so skips what lies outside of a range.
-- $path VARCHAR: index/model_facets.parquet of the snapshot
CREATE TABLE model_facets AS
SELECT
    indexed.rid AS rid,
    CAST(indexed.codes AS FACET_CODE[]) AS codes,
    CAST(indexed.license AS FACET_CODE) AS license,
    CAST(indexed.task_categories AS FACET_CODE[]) AS task_categories,
    CAST(indexed.framework AS FACET_CODE) AS framework,
    CAST(indexed.size_category AS FACET_CODE) AS size_category,
    indexed.parameters AS parameters,
    indexed.size_bytes AS size_bytes,
    indexed.downloads AS downloads,
    indexed.created_at AS created_at,
    indexed.updated_at AS updated_at,
    indexed.search_text AS search_text
FROM read_parquet($path) AS indexed;
