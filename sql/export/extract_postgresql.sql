-- Every model of the reference schema (docs/sources.md), in the columns of the record.
--
-- A model whose organization is missing has a null org, so that the job rejects and reports it. No ORDER BY: the primary
-- key rules out two rows with one id, whose order would matter.
SELECT
  models.id AS id,
  organizations.slug AS org,
  models.name AS name,
  models.description AS description,
  models.tags AS tags,
  models.license AS license,
  models.task_categories AS task_categories,
  models.framework AS framework,
  models.size_category AS size_category,
  models.is_public AS is_public,
  models.created_at AS created_at,
  models.updated_at AS updated_at,
  models.parameters AS parameters,
  models.size_bytes AS size_bytes,
  models.downloads AS downloads
FROM models
LEFT JOIN organizations ON organizations.id = models.organization_id
