-- The records that analysts read, in the order of the row ids.
SELECT
    ordered.id AS id,
    ordered.org AS org,
    ordered.name AS name,
    ordered.description AS description,
    ordered.tags AS tags,
    ordered.license AS license,
    ordered.task_categories AS task_categories,
    ordered.framework AS framework,
    ordered.size_category AS size_category,
    ordered.is_public AS is_public,
    ordered.created_at AS created_at,
    ordered.updated_at AS updated_at,
    ordered.parameters AS parameters,
    ordered.size_bytes AS size_bytes,
    ordered.downloads AS downloads
FROM ordered;
