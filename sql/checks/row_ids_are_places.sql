-- Row ids of the index that are not their places, or that are more or fewer than the models.
SELECT
    count(*) AS models_in_index,
    (SELECT count(*) FROM models) AS models_in_records
FROM snapshot.models AS indexed
HAVING count(*) FILTER (WHERE indexed.rid <> indexed.rowid) > 0
    OR count(*) <> (SELECT count(*) FROM models);
