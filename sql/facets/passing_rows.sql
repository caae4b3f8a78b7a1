-- The models of a range of row ids that pass every filter. The condition of a filter without values is left out.
-- The first values of a list are looked for one by one: several times faster than list_has_any and list_has_all, and few
-- requests have more.
-- $first UINTEGER: the first row id of the range
-- $end UINTEGER: the row id after its last
-- $licenses UINTEGER[]: codes of the selected licences; the model has one of them
-- $frameworks UINTEGER[]: codes of the selected frameworks; the model has one of them
-- $size_categories UINTEGER[]: codes of the selected size categories; the model has one of them
-- $task_categories UINTEGER[]: codes of the selected task categories; the model has one of them
-- $tags UINTEGER[]: codes of the selected tags, the rarest first; the model has all of them
-- $terms VARCHAR[]: folded search terms, the most selective first; the search text contains all of them
SELECT
    model_facets.codes AS codes,
    model_facets.license AS license,
    model_facets.task_categories AS task_categories,
    model_facets.framework AS framework,
    model_facets.size_category AS size_category
FROM model_facets
WHERE model_facets.rid >= $first
    AND model_facets.rid < $end
    -- only with $licenses
    AND list_contains(CAST($licenses AS FACET_CODE[]), model_facets.license)
    -- end
    -- only with $frameworks
    AND list_contains(CAST($frameworks AS FACET_CODE[]), model_facets.framework)
    -- end
    -- only with $size_categories
    AND list_contains(CAST($size_categories AS FACET_CODE[]), model_facets.size_category)
    -- end
    -- only with $task_categories
    AND (
        list_contains(model_facets.task_categories, CAST($task_categories[1] AS FACET_CODE))
        OR (
            len($task_categories) > 1
            AND list_contains(model_facets.task_categories, CAST($task_categories[2] AS FACET_CODE))
        )
        OR (
            len($task_categories) > 2
            AND list_has_any(model_facets.task_categories, CAST($task_categories[3:] AS FACET_CODE[]))
        )
    )
    -- end
    -- only with $tags
    AND list_contains(model_facets.codes, CAST($tags[1] AS FACET_CODE))
    AND (len($tags) < 2 OR list_contains(model_facets.codes, CAST($tags[2] AS FACET_CODE)))
    AND (len($tags) < 3 OR list_has_all(model_facets.codes, CAST($tags[3:] AS FACET_CODE[])))
    -- end
    -- only with $terms
    AND contains(model_facets.search_text, $terms[1])
    AND (len($terms) < 2 OR contains(model_facets.search_text, $terms[2]))
    AND (
        len($terms) < 3
        OR len(list_filter($terms[3:], lambda term: NOT contains(model_facets.search_text, term))) = 0
    )
    -- end
;
