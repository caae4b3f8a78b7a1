-- index/model_facets.parquet: per model, all codes in ONE list (0 first, which every model holds), the code of each
-- facet of its own (null: no value), and the text it is searched by.
WITH held AS (
    SELECT
        postings.rid AS rid,
        list(postings.code ORDER BY postings.code) AS codes,
        any_value(postings.code) FILTER (WHERE postings.facet = 1) AS license,
        list(postings.code ORDER BY postings.code) FILTER (WHERE postings.facet = 2) AS task_categories,
        any_value(postings.code) FILTER (WHERE postings.facet = 3) AS framework,
        any_value(postings.code) FILTER (WHERE postings.facet = 4) AS size_category
    FROM postings
    GROUP BY postings.rid
)
SELECT
    placed.rid AS rid,
    list_prepend(CAST(0 AS UINTEGER), coalesce(held.codes, [])) AS codes,
    held.license AS license,
    coalesce(held.task_categories, []) AS task_categories,
    held.framework AS framework,
    held.size_category AS size_category,
    staged.search_text AS search_text
FROM placed
INNER JOIN staged ON staged.seq = placed.seq
LEFT JOIN held ON held.rid = placed.rid
ORDER BY placed.rid;
