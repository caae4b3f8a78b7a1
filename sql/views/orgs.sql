-- Every org with a model, with the number of its models.
--
-- org VARCHAR: Slug of the org. Example: 01-ai
-- models BIGINT: Number of its models. Example: 2
-- public_models BIGINT: Number of these that are public. Example: 2
SELECT
    models.org AS org,
    count(*) AS models,
    count(*) FILTER (WHERE models.is_public) AS public_models
FROM models
GROUP BY models.org;
