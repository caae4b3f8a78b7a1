-- Every task category of every model, one row each; a model without task categories has none here.
--
-- id VARCHAR: The model. Example: AdapterHub/bert-base-uncased-pf-squad
-- org VARCHAR: The model's org. Example: AdapterHub
-- is_public BOOLEAN: Whether everybody may see the model. Example: true
-- task_category VARCHAR: One of the things that it can do. Example: question-answering
SELECT
    models.id AS id,
    models.org AS org,
    models.is_public AS is_public,
    unnest(models.task_categories) AS task_category
FROM models;
