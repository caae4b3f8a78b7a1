-- The models of a range of row ids that pass every filter: those that hold all the tags, one of each other facet's
-- values, and contain all the terms. An empty list asks nothing. The first values of a list are looked for one by one,
-- which is several times faster than list_has_any and list_has_all, and few requests have more.
CREATE MACRO passing(
    first_rid, end_rid, terms, tags, licenses, selected_task_categories, frameworks, size_categories
) AS TABLE
SELECT
    model_facets.rid AS rid,
    model_facets.codes AS codes,
    model_facets.license AS license,
    model_facets.task_categories AS task_categories,
    model_facets.framework AS framework,
    model_facets.size_category AS size_category
FROM model_facets
WHERE model_facets.rid >= first_rid
    AND model_facets.rid < end_rid
    AND (len(licenses) = 0 OR list_contains(licenses, model_facets.license))
    AND (len(frameworks) = 0 OR list_contains(frameworks, model_facets.framework))
    AND (len(size_categories) = 0 OR list_contains(size_categories, model_facets.size_category))
    AND (
        len(selected_task_categories) = 0
        OR list_contains(model_facets.task_categories, selected_task_categories[1])
        OR (
            len(selected_task_categories) > 1
            AND list_contains(model_facets.task_categories, selected_task_categories[2])
        )
        OR (
            len(selected_task_categories) > 2
            AND list_contains(model_facets.task_categories, selected_task_categories[3])
        )
        OR (
            len(selected_task_categories) > 3
            AND list_has_any(model_facets.task_categories, selected_task_categories[4:])
        )
    )
    AND (len(tags) < 1 OR list_contains(model_facets.codes, tags[1]))
    AND (len(tags) < 2 OR list_contains(model_facets.codes, tags[2]))
    AND (len(tags) < 3 OR list_contains(model_facets.codes, tags[3]))
    AND (len(tags) < 4 OR list_has_all(model_facets.codes, tags[4:]))
    AND (len(terms) < 1 OR contains(model_facets.search_text, terms[1]))
    AND (len(terms) < 2 OR contains(model_facets.search_text, terms[2]))
    AND (len(terms) < 3 OR contains(model_facets.search_text, terms[3]))
    AND (
        len(terms) < 4
        OR len(list_filter(terms[4:], lambda term: NOT contains(model_facets.search_text, term))) = 0
    );
