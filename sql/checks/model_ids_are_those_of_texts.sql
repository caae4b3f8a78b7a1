-- Row ids whose id is not the one that the model's texts have.
SELECT
    coalesce(model_ids.rid, model_texts.rid) AS rid,
    model_ids.id AS id,
    model_texts.id AS id_of_texts
FROM model_ids
FULL JOIN model_texts ON model_texts.rid = model_ids.rid
WHERE model_ids.id IS DISTINCT FROM model_texts.id
ORDER BY rid;
