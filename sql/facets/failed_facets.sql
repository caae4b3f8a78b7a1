-- Which *any* facets a model fails, as a bit mask: bit n for the facet of index n. An empty list of selected codes
-- fails nobody; a model without a value fails every selection.
CREATE MACRO failed_facets(
    license, task_categories, framework, size_category,
    licenses, selected_task_categories, frameworks, size_categories
) AS (
    CASE WHEN len(licenses) = 0 OR coalesce(list_contains(licenses, license), FALSE) THEN 0 ELSE 2 END
    + CASE
        WHEN len(selected_task_categories) = 0 THEN 0
        -- list_contains is several times faster than list_has_any, and one value is the usual case
        WHEN len(selected_task_categories) = 1
            THEN CASE WHEN list_contains(task_categories, selected_task_categories[1]) THEN 0 ELSE 4 END
        WHEN list_has_any(task_categories, selected_task_categories) THEN 0
        ELSE 4
    END
    + CASE WHEN len(frameworks) = 0 OR coalesce(list_contains(frameworks, framework), FALSE) THEN 0 ELSE 8 END
    + CASE
        WHEN len(size_categories) = 0 OR coalesce(list_contains(size_categories, size_category), FALSE) THEN 0
        ELSE 16
    END
);
