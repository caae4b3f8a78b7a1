-- The models of the scope that pass every filter; and, of a facet whose own filter its counts leave out, also those that
-- fail that filter: `<facet>_passes` tells them apart.
--
-- A code stands for a value of a facet, or for having none. `tag_bits_0` has a bit for each of the 63 commonest tags,
-- `tag_bits_1` for each of the next 63; `word_bits` has one for each of the 63 words that search texts hold most often,
-- `rare_words` the other words of a text. A search term has no white space: it lies within one word.
--
-- $tags_any FLAG: one of the tags is enough
-- $any_tag_bits_0 BIGINT: the bits of common tags, of which one is enough
-- $any_tag_bits_1 BIGINT: likewise
-- $any_tag INTEGER[]: codes of other tags, of which one is enough
-- $all_tag_bits_0 BIGINT: the bits of common tags, all of which must be there
-- $all_tag_bits_1 BIGINT: likewise
-- $all_tag INTEGER[]: codes of other tags, all of which must be there
-- $no_tag_bits_0 BIGINT: the bits of common tags, none of which may be there
-- $no_tag_bits_1 BIGINT: likewise
-- $no_tag INTEGER[]: codes of other tags, none of which may be there
-- $any_license INTEGER[]: codes, of which one must be there
-- $no_license INTEGER[]: codes, none of which may be there
-- $tasks_any FLAG: one of the task categories is enough
-- $any_task INTEGER[]: codes, of which one is enough
-- $all_task INTEGER[]: codes, all of which must be there
-- $no_task INTEGER[]: codes, none of which may be there
-- $any_framework INTEGER[]: codes, of which one must be there
-- $no_framework INTEGER[]: codes, none of which may be there
-- $any_size_category INTEGER[]: codes, of which one must be there
-- $no_size_category INTEGER[]: codes, none of which may be there
-- $tags_narrow FLAG: models that fail the filter of the tags are left out
-- $license_narrows FLAG: models that fail the filter of the licence are left out
-- $tasks_narrow FLAG: models that fail the filter of the task categories are left out
-- $framework_narrows FLAG: models that fail the filter of the framework are left out
-- $size_category_narrows FLAG: models that fail the filter of the size category are left out
-- $tags_stay FLAG: models that fail the filter of the tags stay, for the counts of the tags
-- $license_stays FLAG: models that fail the filter of the licence stay, for the counts of licences
-- $tasks_stay FLAG: models that fail the filter of the task categories stay, for the counts of task categories
-- $framework_stays FLAG: models that fail the filter of the framework stay, for the counts of frameworks
-- $size_category_stays FLAG: models that fail the filter of the size category stay, for the counts of size categories
-- $several_stay FLAG: that holds for several facets; a model that fails two of their filters counts for none
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
-- $term VARCHAR[]: folded search terms that no frequent word holds
-- $frequent_term VARCHAR[]: folded search terms that frequent words hold
-- $frequent_term_bits BIGINT[]: the bits of those words, for each of these terms
SELECT
    judged.*,
    (
        TRUE
        -- only with $tags_stay
        AND judged.tags_are_right
        -- end
    ) AS tags_pass,
    (
        TRUE
        -- only with $license_stays
        AND judged.license_is_right
        -- end
    ) AS license_passes,
    (
        TRUE
        -- only with $tasks_stay
        AND judged.tasks_are_right
        -- end
    ) AS tasks_pass,
    (
        TRUE
        -- only with $framework_stays
        AND judged.framework_is_right
        -- end
    ) AS framework_passes,
    (
        TRUE
        -- only with $size_category_stays
        AND judged.size_category_is_right
        -- end
    ) AS size_category_passes
FROM (
    SELECT
        scope.*,
        (
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
        ) AS tags_are_right,
        (
            TRUE
            -- only with $any_license
            AND list_contains($any_license, scope.license)
            -- end
            -- only with $no_license
            AND NOT list_contains($no_license, scope.license)
            -- end
        ) AS license_is_right,
        (
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
        ) AS tasks_are_right,
        (
            TRUE
            -- only with $any_framework
            AND list_contains($any_framework, scope.framework)
            -- end
            -- only with $no_framework
            AND NOT list_contains($no_framework, scope.framework)
            -- end
        ) AS framework_is_right,
        (
            TRUE
            -- only with $any_size_category
            AND list_contains($any_size_category, scope.size_category)
            -- end
            -- only with $no_size_category
            AND NOT list_contains($no_size_category, scope.size_category)
            -- end
        ) AS size_category_is_right
    FROM (
-- include facets/scope
    ) AS scope
) AS judged
WHERE TRUE
    -- only with $tags_narrow
    AND judged.tags_are_right
    -- end
    -- only with $license_narrows
    AND judged.license_is_right
    -- end
    -- only with $tasks_narrow
    AND judged.tasks_are_right
    -- end
    -- only with $framework_narrows
    AND judged.framework_is_right
    -- end
    -- only with $size_category_narrows
    AND judged.size_category_is_right
    -- end
    -- only with $several_stay
    AND (
        0
        -- only with $tags_stay
        + CASE WHEN judged.tags_are_right THEN 0 ELSE 1 END
        -- end
        -- only with $license_stays
        + CASE WHEN judged.license_is_right THEN 0 ELSE 1 END
        -- end
        -- only with $tasks_stay
        + CASE WHEN judged.tasks_are_right THEN 0 ELSE 1 END
        -- end
        -- only with $framework_stays
        + CASE WHEN judged.framework_is_right THEN 0 ELSE 1 END
        -- end
        -- only with $size_category_stays
        + CASE WHEN judged.size_category_is_right THEN 0 ELSE 1 END
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
