-- Every model, one row each: its record, as it was cleaned.
--
-- id VARCHAR: What the model is known by; no two models share one. Example: 01-ai/Yi-Coder-1.5B
-- org VARCHAR: Slug of the org that owns it; case matters. Example: 01-ai
-- name VARCHAR: Its name within the org. Example: Yi-Coder-1.5B
-- description VARCHAR: What its owner says of it.
-- tags VARCHAR[]: Free labels, none twice; `model_tags` has them one a row. Example: ["yi","LlamaForCausalLM"]
-- license VARCHAR: The licence, as its owner spells it; null where none is stated. Example: apache-2.0
-- task_categories VARCHAR[]: What it can do, none twice; `model_tasks` has them one a row.
--     Example: ["image-classification"]
-- framework VARCHAR: What it runs in. Example: pytorch
-- size_category VARCHAR: A label for its number of parameters. Example: 1B-3B
-- is_public BOOLEAN: Whether everybody may see it, or its org only. Example: true
-- created_at TIMESTAMP WITH TIME ZONE: When it was made, in UTC. Example: 2019-06-13T00:00:00Z
-- updated_at TIMESTAMP WITH TIME ZONE: When it was last changed, in UTC.
-- parameters BIGINT: How many parameters it has. Example: 1500000000
-- size_bytes BIGINT: The bytes of its weights. Example: 2271215616
-- downloads BIGINT: How often it was fetched.
SELECT
    model_rows.id AS id,
    model_rows.org AS org,
    model_rows.name AS name,
    model_rows.description AS description,
    model_rows.tags AS tags,
    model_rows.license AS license,
    model_rows.task_categories AS task_categories,
    model_rows.framework AS framework,
    model_rows.size_category AS size_category,
    model_rows.is_public AS is_public,
    model_rows.created_at AS created_at,
    model_rows.updated_at AS updated_at,
    model_rows.parameters AS parameters,
    model_rows.size_bytes AS size_bytes,
    model_rows.downloads AS downloads
FROM model_rows;
