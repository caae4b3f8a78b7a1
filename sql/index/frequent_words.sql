-- The most frequent words in the search texts of public models: at most 63 words, each in at least one text of 64 and in
-- at least four. `models.word_bits` has bit n if the search text of the model has the word of bit n; `models.rare_words`
-- has the other words. The texts of private models do not count.
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
