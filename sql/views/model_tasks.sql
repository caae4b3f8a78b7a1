-- Every task category of every model, one row each; a model without task categories has none here.
--
-- id VARCHAR: The model. Example: AITeamVN/Vietnamese_Embedding
-- org VARCHAR: The model's org. Example: AITeamVN
-- is_public BOOLEAN: Whether everybody may see the model. Example: true
-- task_category VARCHAR: One of the things that it can do. Example: feature-extraction
SELECT
    models.id AS id,
    models.org AS org,
    models.is_public AS is_public,
    unnest(models.task_categories) AS task_category
FROM models;
