-- index/model_facets.parquet: per model, all codes in ONE list, the code of each facet that is no list, the numbers and
-- times that filters narrow, and the text that the model is searched by: of a public one, what index/words_public.parquet
-- leaves of it, its words in order of code point.
--
-- Lists and texts are put together in memory: those of the models of `slice` at a time.
WITH held AS (
    SELECT
        postings.rid AS rid,
        list(postings.code ORDER BY postings.code) AS codes,
        any_value(postings.code) FILTER (WHERE postings.facet = 1) AS license,
        any_value(postings.code) FILTER (WHERE postings.facet = 3) AS framework,
        any_value(postings.code) FILTER (WHERE postings.facet = 4) AS size_category
    FROM postings
    WHERE postings.rid >= (SELECT slice.first FROM slice) AND postings.rid < (SELECT slice.end FROM slice)
    GROUP BY postings.rid
),
rests AS (
    SELECT
        said.rid AS rid,
        string_agg(said.word, ' ' ORDER BY said.word) AS text
    FROM said
    ANTI JOIN words ON words.word = said.word
    WHERE said.rid >= (SELECT slice.first FROM slice) AND said.rid < (SELECT slice.end FROM slice)
    GROUP BY said.rid
)
SELECT
    placed.rid AS rid,
    held.codes AS codes,
    held.license AS license,
    held.framework AS framework,
    held.size_category AS size_category,
    staged.parameters AS parameters,
    staged.size_bytes AS size_bytes,
    staged.downloads AS downloads,
    staged.created_at AS created_at,
    staged.updated_at AS updated_at,
    CASE WHEN placed.is_public THEN coalesce(rests.text, '') ELSE staged.search_text END AS search_text
FROM placed
INNER JOIN staged ON staged.seq = placed.seq
INNER JOIN held ON held.rid = placed.rid
LEFT JOIN rests ON rests.rid = placed.rid
WHERE placed.rid >= (SELECT slice.first FROM slice) AND placed.rid < (SELECT slice.end FROM slice)
ORDER BY placed.rid;
