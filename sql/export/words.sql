-- The words that public models' search texts often hold: as often as there are models in sixty-four, and four times at
-- least. Most of the texts consists of them; they are taken out of what is searched.
CREATE TABLE words AS
SELECT
    CAST(row_number() OVER (ORDER BY said.word) AS UINTEGER) AS number,
    said.word AS word
FROM said
WHERE said.word <> ''
GROUP BY said.word
HAVING count(*) >= greatest(4, (SELECT count(*) FROM placed WHERE placed.is_public) / 64);
