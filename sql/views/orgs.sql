-- Every org that has a model, with how many it has.
--
-- org VARCHAR: Its slug. Example: 01-ai
-- models BIGINT: How many models it has. Example: 2
-- public_models BIGINT: How many of these are public. Example: 2
SELECT
    models.org AS org,
    count(*) AS models,
    count(*) FILTER (WHERE models.is_public) AS public_models
FROM models
GROUP BY models.org;
