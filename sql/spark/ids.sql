-- The id, row id and org of every model.
SELECT
    models.id AS id,
    models.rid AS rid,
    models.org AS org
FROM models
