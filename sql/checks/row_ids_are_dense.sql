-- Row ids that are missing, repeated or out of range.
SELECT
    count(*) AS row_ids,
    count(DISTINCT model_facets.rid) AS distinct_row_ids,
    max(model_facets.rid) AS last_row_id,
    (SELECT count(*) FROM models) AS models
FROM model_facets
HAVING count(*) <> count(DISTINCT model_facets.rid)
    OR coalesce(max(model_facets.rid) + 1, 0) <> count(*)
    OR count(*) <> (SELECT count(*) FROM models);
