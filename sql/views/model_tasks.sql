-- Every task category of every model, one row each; a model without one has no row.
--
-- id VARCHAR: Identifier of the model. Example: AITeamVN/Vietnamese_Embedding
-- org VARCHAR: Org of the model. Example: AITeamVN
-- is_public BOOLEAN: True if every org may see the model. Example: true
-- task_category VARCHAR: A task category of the model. Example: feature-extraction
SELECT
    models.id AS id,
    models.org AS org,
    models.is_public AS is_public,
    unnest(models.task_categories) AS task_category
FROM models;
