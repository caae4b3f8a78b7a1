-- The models of the scope that pass every filter. For the counts of a facet, which ignore its own filter, models that fail
-- this filter may stay: the columns `tags_pass`, `license_passes` and so on show whether a model passes.
--
-- A code stands for a value of a facet, or for a missing value. `tag_bits_0` has a bit for each of the 63 commonest tags,
-- `tag_bits_1` for each of the next 63; `word_bits` has a bit for each of the 63 most frequent words of search texts,
-- `rare_words` the other words of the text. A search term has no white space, so it is within one word.
--
-- $tags_any FLAG: a model needs one of the tags only
-- $any_tag_bits_0 BIGINT: bits of common tags; a model needs one
-- $any_tag_bits_1 BIGINT: likewise
-- $any_tag INTEGER[]: codes of other tags; a model needs one
-- $all_tag_bits_0 BIGINT: bits of common tags; a model needs all
-- $all_tag_bits_1 BIGINT: likewise
-- $all_tag INTEGER[]: codes of other tags; a model needs all
-- $no_tag_bits_0 BIGINT: bits of common tags; a model may have none
-- $no_tag_bits_1 BIGINT: likewise
-- $no_tag INTEGER[]: codes of other tags; a model may have none
-- $any_license INTEGER[]: codes; a model needs one
-- $no_license INTEGER[]: codes; a model may have none
-- $tasks_any FLAG: a model needs one of the task categories only
-- $any_task INTEGER[]: codes; a model needs one
-- $all_task INTEGER[]: codes; a model needs all
-- $no_task INTEGER[]: codes; a model may have none
-- $any_framework INTEGER[]: codes; a model needs one
-- $no_framework INTEGER[]: codes; a model may have none
-- $any_size_category INTEGER[]: codes; a model needs one
-- $no_size_category INTEGER[]: codes; a model may have none
-- $tags_filtered FLAG: there is a filter of the tags
-- $tags_narrow FLAG: models that fail it are left out
-- $tags_stay FLAG: models that fail it stay
-- $license_filtered FLAG: there is a filter of the licence
-- $license_narrows FLAG: models that fail it are left out
-- $license_stays FLAG: models that fail it stay
-- $tasks_filtered FLAG: there is a filter of the task categories
-- $tasks_narrow FLAG: models that fail it are left out
-- $tasks_stay FLAG: models that fail it stay
-- $framework_filtered FLAG: there is a filter of the framework
-- $framework_narrows FLAG: models that fail it are left out
-- $framework_stays FLAG: models that fail it stay
-- $size_category_filtered FLAG: there is a filter of the size category
-- $size_category_narrows FLAG: models that fail it are left out
-- $size_category_stays FLAG: models that fail it stay
-- $several_stay FLAG: models stay for several facets; those that fail two of these filters are left out nevertheless
-- $rare_tag INTEGER: code of a tag that every selected model has, and few models have: they are looked up
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
-- $term VARCHAR[]: folded search terms that no frequent word contains
-- $frequent_term VARCHAR[]: folded search terms that frequent words contain
-- $frequent_term_bits BIGINT[]: the bits of these words, for each of these terms
SELECT judged.*
FROM (
    SELECT
        scope.*
        -- only with $tags_filtered
        , (
            TRUE
            -- only with $tags_any
            AND (
                FALSE
                -- only with $any_tag_bits_0
                OR (scope.tag_bits_0 & $any_tag_bits_0) <> 0
                -- end
                -- only with $any_tag_bits_1
                OR (scope.tag_bits_1 & $any_tag_bits_1) <> 0
                -- end
                -- each $any_tag
                OR list_contains(scope.codes, $any_tag)
                -- end
            )
            -- end
            -- only with $all_tag_bits_0
            AND (scope.tag_bits_0 & $all_tag_bits_0) = $all_tag_bits_0
            -- end
            -- only with $all_tag_bits_1
            AND (scope.tag_bits_1 & $all_tag_bits_1) = $all_tag_bits_1
            -- end
            -- each $all_tag
            AND list_contains(scope.codes, $all_tag)
            -- end
            -- only with $no_tag_bits_0
            AND (scope.tag_bits_0 & $no_tag_bits_0) = 0
            -- end
            -- only with $no_tag_bits_1
            AND (scope.tag_bits_1 & $no_tag_bits_1) = 0
            -- end
            -- each $no_tag
            AND NOT list_contains(scope.codes, $no_tag)
            -- end
        ) AS tags_pass
        -- end
        -- only with $license_filtered
        , (
            TRUE
            -- only with $any_license
            AND list_contains($any_license, scope.license)
            -- end
            -- only with $no_license
            AND NOT list_contains($no_license, scope.license)
            -- end
        ) AS license_passes
        -- end
        -- only with $tasks_filtered
        , (
            TRUE
            -- only with $tasks_any
            AND (
                FALSE
                -- each $any_task
                OR list_contains(scope.tasks, $any_task)
                -- end
            )
            -- end
            -- each $all_task
            AND list_contains(scope.tasks, $all_task)
            -- end
            -- each $no_task
            AND NOT list_contains(scope.tasks, $no_task)
            -- end
        ) AS tasks_pass
        -- end
        -- only with $framework_filtered
        , (
            TRUE
            -- only with $any_framework
            AND list_contains($any_framework, scope.framework)
            -- end
            -- only with $no_framework
            AND NOT list_contains($no_framework, scope.framework)
            -- end
        ) AS framework_passes
        -- end
        -- only with $size_category_filtered
        , (
            TRUE
            -- only with $any_size_category
            AND list_contains($any_size_category, scope.size_category)
            -- end
            -- only with $no_size_category
            AND NOT list_contains($no_size_category, scope.size_category)
            -- end
        ) AS size_category_passes
        -- end
    FROM (
        -- include facets/scope
    ) AS scope
    -- only with $rare_tag
    WHERE scope.rid IN (
        SELECT postings.rid
        FROM postings
        WHERE postings.code = $rare_tag
        UNION ALL
        SELECT models.rid
        FROM models
        WHERE models.rid >= $private_first AND models.rid < $private_end AND list_contains(models.codes, $rare_tag)
    )
    -- end
) AS judged
WHERE TRUE
    -- only with $tags_narrow
    AND judged.tags_pass
    -- end
    -- only with $license_narrows
    AND judged.license_passes
    -- end
    -- only with $tasks_narrow
    AND judged.tasks_pass
    -- end
    -- only with $framework_narrows
    AND judged.framework_passes
    -- end
    -- only with $size_category_narrows
    AND judged.size_category_passes
    -- end
    -- only with $several_stay
    AND (
        0
        -- only with $tags_stay
        + CASE WHEN judged.tags_pass THEN 0 ELSE 1 END
        -- end
        -- only with $license_stays
        + CASE WHEN judged.license_passes THEN 0 ELSE 1 END
        -- end
        -- only with $tasks_stay
        + CASE WHEN judged.tasks_pass THEN 0 ELSE 1 END
        -- end
        -- only with $framework_stays
        + CASE WHEN judged.framework_passes THEN 0 ELSE 1 END
        -- end
        -- only with $size_category_stays
        + CASE WHEN judged.size_category_passes THEN 0 ELSE 1 END
        -- end
    ) <= 1
    -- end
    -- only with $parameters_minimum
    AND judged.parameters >= $parameters_minimum
    -- end
    -- only with $parameters_maximum
    AND judged.parameters <= $parameters_maximum
    -- end
    -- only with $size_bytes_minimum
    AND judged.size_bytes >= $size_bytes_minimum
    -- end
    -- only with $size_bytes_maximum
    AND judged.size_bytes <= $size_bytes_maximum
    -- end
    -- only with $downloads_minimum
    AND judged.downloads >= $downloads_minimum
    -- end
    -- only with $downloads_maximum
    AND judged.downloads <= $downloads_maximum
    -- end
    -- only with $created_at_minimum
    AND judged.created_at >= $created_at_minimum
    -- end
    -- only with $created_at_maximum
    AND judged.created_at < $created_at_maximum
    -- end
    -- only with $updated_at_minimum
    AND judged.updated_at >= $updated_at_minimum
    -- end
    -- only with $updated_at_maximum
    AND judged.updated_at < $updated_at_maximum
    -- end
    -- each $term
    AND contains(judged.rare_words, $term)
    -- end
    -- each $frequent_term $frequent_term_bits
    AND ((judged.word_bits & $frequent_term_bits) <> 0 OR contains(judged.rare_words, $frequent_term))
    -- end
