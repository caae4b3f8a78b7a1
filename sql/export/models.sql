-- The records as analysts read them, in the order of the row ids.
SELECT
    staged.id AS id,
    staged.org AS org,
    staged.name AS name,
    staged.description AS description,
    staged.tags AS tags,
    staged.license AS license,
    staged.task_categories AS task_categories,
    staged.framework AS framework,
    staged.size_category AS size_category,
    staged.is_public AS is_public,
    staged.created_at AS created_at,
    staged.updated_at AS updated_at,
    staged.parameters AS parameters,
    staged.size_bytes AS size_bytes,
    staged.downloads AS downloads
FROM staged
INNER JOIN placed ON placed.seq = staged.seq
ORDER BY placed.rid;
