-- Every organization of the reference schema (docs/sources.md), whether or not it has models.
SELECT
  organizations.slug AS org
FROM organizations
