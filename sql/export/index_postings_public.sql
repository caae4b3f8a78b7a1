-- index/postings_public.parquet: the public models that hold a code.
SELECT
    postings.code AS code,
    postings.rid AS rid
FROM postings
WHERE postings.is_public
ORDER BY postings.code, postings.rid;
