-- The models of `found` (what one of the files found_*.sql answers) that pass every filter. The condition of a filter
-- without values is left out. The first values of a list are looked for one by one: several times faster than list_has_any
-- and list_has_all, and few requests have more.
-- $any_licenses UINTEGER[]: codes of licences; the model has one of them
-- $excluded_licenses UINTEGER[]: codes of licences; the model has none of them
-- $any_frameworks UINTEGER[]: codes of frameworks; the model has one of them
-- $excluded_frameworks UINTEGER[]: codes of frameworks; the model has none of them
-- $any_size_categories UINTEGER[]: codes of size categories; the model has one of them
-- $excluded_size_categories UINTEGER[]: codes of size categories; the model has none of them
-- $any_task_categories UINTEGER[]: codes of task categories; the model has one of them
-- $all_task_categories UINTEGER[]: codes of task categories, the rarest first; the model has all of them
-- $excluded_task_categories UINTEGER[]: codes of task categories; the model has none of them
-- $any_tags UINTEGER[]: codes of tags; the model has one of them
-- $all_tags UINTEGER[]: codes of tags, the rarest first; the model has all of them
-- $excluded_tags UINTEGER[]: codes of tags; the model has none of them
-- $parameters_minimum BIGINT: parameters is at least this
-- $parameters_maximum BIGINT: parameters is at most this
-- $size_bytes_minimum BIGINT: size_bytes is at least this
-- $size_bytes_maximum BIGINT: size_bytes is at most this
-- $downloads_minimum BIGINT: downloads is at least this
-- $downloads_maximum BIGINT: downloads is at most this
-- $created_at_minimum TIMESTAMPTZ: created_at is at least this
-- $created_at_maximum TIMESTAMPTZ: created_at is before this
-- $updated_at_minimum TIMESTAMPTZ: updated_at is at least this
-- $updated_at_maximum TIMESTAMPTZ: updated_at is before this
-- $terms VARCHAR[]: folded search terms, the most selective first; the search text contains all of them
SELECT found.*
FROM found
WHERE TRUE
    -- only with $any_licenses
    AND list_contains(CAST($any_licenses AS FACET_CODE[]), found.license)
    -- end
    -- only with $excluded_licenses
    AND NOT list_contains(CAST($excluded_licenses AS FACET_CODE[]), found.license)
    -- end
    -- only with $any_frameworks
    AND list_contains(CAST($any_frameworks AS FACET_CODE[]), found.framework)
    -- end
    -- only with $excluded_frameworks
    AND NOT list_contains(CAST($excluded_frameworks AS FACET_CODE[]), found.framework)
    -- end
    -- only with $any_size_categories
    AND list_contains(CAST($any_size_categories AS FACET_CODE[]), found.size_category)
    -- end
    -- only with $excluded_size_categories
    AND NOT list_contains(CAST($excluded_size_categories AS FACET_CODE[]), found.size_category)
    -- end
    -- only with $any_task_categories
    AND (
        list_contains(found.task_categories, CAST($any_task_categories[1] AS FACET_CODE))
        OR (len($any_task_categories) > 1 AND list_contains(found.task_categories, CAST($any_task_categories[2] AS FACET_CODE)))
        OR (len($any_task_categories) > 2 AND list_has_any(found.task_categories, CAST($any_task_categories[3:] AS FACET_CODE[])))
    )
    -- end
    -- only with $all_task_categories
    AND list_contains(found.task_categories, CAST($all_task_categories[1] AS FACET_CODE))
    AND (len($all_task_categories) < 2 OR list_contains(found.task_categories, CAST($all_task_categories[2] AS FACET_CODE)))
    AND (len($all_task_categories) < 3 OR list_has_all(found.task_categories, CAST($all_task_categories[3:] AS FACET_CODE[])))
    -- end
    -- only with $excluded_task_categories
    AND NOT list_contains(found.task_categories, CAST($excluded_task_categories[1] AS FACET_CODE))
    AND (len($excluded_task_categories) < 2 OR NOT list_has_any(found.task_categories, CAST($excluded_task_categories[2:] AS FACET_CODE[])))
    -- end
    -- only with $any_tags
    AND (
        list_contains(found.codes, CAST($any_tags[1] AS FACET_CODE))
        OR (len($any_tags) > 1 AND list_contains(found.codes, CAST($any_tags[2] AS FACET_CODE)))
        OR (len($any_tags) > 2 AND list_has_any(found.codes, CAST($any_tags[3:] AS FACET_CODE[])))
    )
    -- end
    -- only with $all_tags
    AND list_contains(found.codes, CAST($all_tags[1] AS FACET_CODE))
    AND (len($all_tags) < 2 OR list_contains(found.codes, CAST($all_tags[2] AS FACET_CODE)))
    AND (len($all_tags) < 3 OR list_has_all(found.codes, CAST($all_tags[3:] AS FACET_CODE[])))
    -- end
    -- only with $excluded_tags
    AND NOT list_contains(found.codes, CAST($excluded_tags[1] AS FACET_CODE))
    AND (len($excluded_tags) < 2 OR NOT list_has_any(found.codes, CAST($excluded_tags[2:] AS FACET_CODE[])))
    -- end
    -- only with $parameters_minimum
    AND found.parameters >= $parameters_minimum
    -- end
    -- only with $parameters_maximum
    AND found.parameters <= $parameters_maximum
    -- end
    -- only with $size_bytes_minimum
    AND found.size_bytes >= $size_bytes_minimum
    -- end
    -- only with $size_bytes_maximum
    AND found.size_bytes <= $size_bytes_maximum
    -- end
    -- only with $downloads_minimum
    AND found.downloads >= $downloads_minimum
    -- end
    -- only with $downloads_maximum
    AND found.downloads <= $downloads_maximum
    -- end
    -- only with $created_at_minimum
    AND found.created_at >= $created_at_minimum
    -- end
    -- only with $created_at_maximum
    AND found.created_at < $created_at_maximum
    -- end
    -- only with $updated_at_minimum
    AND found.updated_at >= $updated_at_minimum
    -- end
    -- only with $updated_at_maximum
    AND found.updated_at < $updated_at_maximum
    -- end
    -- only with $terms
    AND contains(found.search_text, $terms[1])
    AND (len($terms) < 2 OR contains(found.search_text, $terms[2]))
    AND (
        len($terms) < 3
        OR len(list_filter($terms[3:], lambda term: NOT contains(found.search_text, term))) = 0
    )
    -- end
;
