-- index/model_ids.parquet: the id of every model, by row id: what tells a model in another snapshot.
SELECT
    placed.rid AS rid,
    staged.id AS id
FROM placed
INNER JOIN staged ON staged.seq = placed.seq
ORDER BY placed.rid;
