-- Row ids of the index that differ from the position of their row, or in number from the models.
SELECT
    count(*) AS models_in_index,
    (SELECT count(*) FROM models) AS models_in_records
FROM snapshot.models AS indexed
HAVING count(*) FILTER (WHERE indexed.rid <> indexed.rowid) > 0
    OR count(*) <> (SELECT count(*) FROM models);
