-- The rows that lost to another row of the same id, as rejects, in reading order.
SELECT
    'duplicate_id' AS reason,
    'id' AS column,
    'another row of this id is newer, or was read later' AS detail,
    staged.file AS file,
    staged.row AS row,
    staged.id AS id,
    CAST(to_json({
        'id': staged.id,
        'org': staged.org,
        'name': staged.name,
        'description': staged.description,
        'tags': staged.tags,
        'license': staged.license,
        'task_categories': staged.task_categories,
        'framework': staged.framework,
        'size_category': staged.size_category,
        'is_public': staged.is_public,
        'created_at': staged.created_at,
        'updated_at': staged.updated_at,
        'parameters': staged.parameters,
        'size_bytes': staged.size_bytes,
        'downloads': staged.downloads
    }) AS VARCHAR) AS record
FROM staged
WHERE staged.seq IN (SELECT duplicates.seq FROM duplicates)
ORDER BY staged.seq;
