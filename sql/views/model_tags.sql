-- Every tag of every model, one row each; a model without tags has none here.
--
-- id VARCHAR: The model. Example: 01-ai/Yi-Coder-1.5B
-- org VARCHAR: The model's org. Example: 01-ai
-- is_public BOOLEAN: Whether everybody may see the model. Example: true
-- tag VARCHAR: One of its tags. Example: LlamaForCausalLM
SELECT
    models.id AS id,
    models.org AS org,
    models.is_public AS is_public,
    unnest(models.tags) AS tag
FROM models;
