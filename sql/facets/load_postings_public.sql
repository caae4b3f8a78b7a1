-- The public models that hold a code, in memory, in the order of the file: by code, so that
-- the models of one code lie together.
-- $path VARCHAR: index/postings_public.parquet of the snapshot
CREATE TABLE postings_public AS
SELECT
    CAST(indexed.code AS FACET_CODE) AS code,
    indexed.rid AS rid
FROM read_parquet($path) AS indexed;
