-- The public models that hold one of `drivers` and pass every filter, found from the postings instead of from all rows.
CREATE MACRO passing_holders(
    drivers, terms, tags, licenses, selected_task_categories, frameworks, size_categories
) AS TABLE
SELECT
    passing.rid AS rid,
    passing.codes AS codes,
    passing.license AS license,
    passing.task_categories AS task_categories,
    passing.framework AS framework,
    passing.size_category AS size_category
FROM passing(
    0, 4294967295, terms, tags, licenses, selected_task_categories, frameworks, size_categories
) AS passing
WHERE passing.rid IN (
    SELECT postings_public.rid
    FROM postings_public
    -- the bounds let DuckDB skip what the list rules out
    WHERE postings_public.code >= list_min(drivers)
        AND postings_public.code <= list_max(drivers)
        AND list_contains(drivers, postings_public.code)
);
