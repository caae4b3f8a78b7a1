-- The records of some models, with codes in place of facet values and times in microseconds since 1970, in any order.
-- $rids INTEGER[]: the row ids of the models
SELECT
    models.rid AS rid,
    models.id AS id,
    models.org AS org,
    models.name AS name,
    models.description AS description,
    models.codes AS codes,
    array_length(models.tasks) AS task_count,
    epoch_us(models.created_at) AS created_at,
    epoch_us(models.updated_at) AS updated_at,
    models.parameters AS parameters,
    models.size_bytes AS size_bytes,
    models.downloads AS downloads
FROM models
WHERE models.rid IN (SELECT unnest($rids))
