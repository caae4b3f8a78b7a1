-- The words that public models' search texts hold most often: in one text of 64 and in four at least, 63 words at most.
-- `models.word_bits` has the bit n of a model that holds the word of bit n; `models.rare_words` is what is left of its text.
-- Private models' texts add no word here.
CREATE TABLE snapshot.frequent_words AS
SELECT
    CAST(row_number() OVER (ORDER BY said.models DESC, said.word) - 1 AS INTEGER) AS bit,
    said.word AS word
FROM (
    SELECT
        each_word.word AS word,
        count(*) AS models
    FROM (
        SELECT unnest(string_split(replace(ordered.search_text, chr(10), ' '), ' ')) AS word
        FROM ordered
        WHERE ordered.is_public
    ) AS each_word
    WHERE each_word.word <> ''
    GROUP BY each_word.word
    HAVING count(*) >= greatest(4, (SELECT count(*) FROM ordered WHERE ordered.is_public) / 64)
    ORDER BY models DESC, word
    LIMIT 63
) AS said
ORDER BY bit;
