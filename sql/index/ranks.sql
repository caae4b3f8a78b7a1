-- The rank of every model by its id, and by its name and id: sorting lists by numbers takes a fifth of the time of sorting
-- by texts. The rows are in the order of the row ids, like those of `ordered`.
CREATE TABLE ranks AS
SELECT
    by_id.rid AS rid,
    by_id.id_rank AS id_rank,
    row_number() OVER (ORDER BY by_id.name, by_id.id_rank) AS name_rank
FROM (
    SELECT
        ordered.rowid AS rid,
        ordered.name AS name,
        row_number() OVER (ORDER BY ordered.id) AS id_rank
    FROM ordered
) AS by_id
ORDER BY rid;
