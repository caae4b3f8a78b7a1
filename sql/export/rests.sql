-- What is left of the search text of each public model without `words`: its other words, in order of code point.
CREATE VIEW rests AS
SELECT
    said.rid AS rid,
    string_agg(said.word, ' ' ORDER BY said.word) AS text
FROM said
ANTI JOIN words ON words.word = said.word
GROUP BY said.rid;
