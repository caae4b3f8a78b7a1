-- The id of every model, with its row id and its org.
SELECT
    models.id AS id,
    models.rid AS rid,
    models.org AS org
FROM models
