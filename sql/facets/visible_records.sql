-- The records of the scope: the rows for POST …/sql that have no files of their own.
-- $public_models INTEGER: the number of public models, which have the row ids below it
SELECT
    scope.id AS id,
    scope.org AS org,
    scope.name AS name,
    scope.description AS description,
    CASE
        WHEN list_contains(scope.codes, 1) THEN CAST([] AS VARCHAR[])
        ELSE list_select(
            dictionary.listed,
            list_slice(scope.codes, 5 + array_length(scope.tasks), array_length(scope.codes))
        )
    END AS tags,
    dictionary.listed[scope.license] AS license,
    CASE
        WHEN list_contains(scope.codes, 3) THEN CAST([] AS VARCHAR[])
        ELSE list_select(dictionary.listed, scope.tasks)
    END AS task_categories,
    dictionary.listed[scope.framework] AS framework,
    dictionary.listed[scope.size_category] AS size_category,
    scope.rid < $public_models AS is_public,
    scope.created_at AS created_at,
    scope.updated_at AS updated_at,
    scope.parameters AS parameters,
    scope.size_bytes AS size_bytes,
    scope.downloads AS downloads
FROM (
    -- include facets/scope
) AS scope
CROSS JOIN (
    SELECT array_agg(facet_values.value ORDER BY facet_values.code) AS listed
    FROM facet_values
) AS dictionary
ORDER BY scope.rid
