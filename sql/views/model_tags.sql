-- Every tag of every model, one row each; a model without tags has no row.
--
-- id VARCHAR: Identifier of the model. Example: 01-ai/Yi-Coder-1.5B
-- org VARCHAR: Org of the model. Example: 01-ai
-- is_public BOOLEAN: True if every org may see the model. Example: true
-- tag VARCHAR: A tag of the model. Example: LlamaForCausalLM
SELECT
    models.id AS id,
    models.org AS org,
    models.is_public AS is_public,
    unnest(models.tags) AS tag
FROM models;
