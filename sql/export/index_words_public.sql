-- index/words_public.parquet: which public models hold each of the words that many of them hold, as often as they do.
SELECT
    words.word AS word,
    said.rid AS rid
FROM said
INNER JOIN words ON words.word = said.word
-- numbers are sorted faster than words
ORDER BY words.number, said.rid;
