-- Every word of every public model's search text, as often as it stands there: what lies between spaces and ends of lines.
CREATE VIEW said AS
SELECT
    placed.rid AS rid,
    -- not list_distinct() over it: DuckDB 2.0.0 fails on that, with an internal error
    unnest(string_split(replace(staged.search_text, chr(10), ' '), ' ')) AS word
FROM placed
INNER JOIN staged ON staged.seq = placed.seq
WHERE placed.is_public;
