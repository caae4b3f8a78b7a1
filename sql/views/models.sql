-- Every model, one row each, after cleaning.
--
-- id VARCHAR: Unique identifier of the model. Example: 01-ai/Yi-Coder-1.5B
-- org VARCHAR: Slug of the org that owns the model; case-sensitive. Example: 01-ai
-- name VARCHAR: Name of the model within its org. Example: Yi-Coder-1.5B
-- description VARCHAR: Description by its owner.
-- tags VARCHAR[]: Free labels without repeats; `model_tags` has one row per tag. Example: ["yi","LlamaForCausalLM"]
-- license VARCHAR: Licence in its owner's spelling; null without one. Example: apache-2.0
-- task_categories VARCHAR[]: Tasks without repeats; `model_tasks` has one row per task.
--     Example: ["image-classification"]
-- framework VARCHAR: Framework that runs the model. Example: pytorch
-- size_category VARCHAR: Label for its number of parameters. Example: 1B-3B
-- is_public BOOLEAN: True if every org may see the model, false if only its own. Example: true
-- created_at TIMESTAMP WITH TIME ZONE: Time of creation, in UTC. Example: 2019-06-13T00:00:00Z
-- updated_at TIMESTAMP WITH TIME ZONE: Time of the last change, in UTC.
-- parameters BIGINT: Number of parameters. Example: 1500000000
-- size_bytes BIGINT: Size of the weights, in bytes. Example: 2271215616
-- downloads BIGINT: Number of downloads.
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
