-- The number of models with each code, over all facets: the counts of a facet answer.
--
-- A model that passes every filter counts for all of its codes, one of which is 0. A model that fails the filter of only
-- one facet counts for its codes of that facet, so that a facet's counts ignore its own filter. The codes of a model are 0,
-- then those of its licence, its framework and its size category, then those of its task categories and of its tags. Codes
-- below 0 are bars of histograms, of the models that pass every filter.
--
-- $with_bars FLAG: also count the bars of the histograms
SELECT
    held.code AS code,
    count(*) AS models
FROM (
    SELECT
        unnest(
            CASE
                WHEN
                    TRUE
                    -- only with $tags_stay
                    AND selected.tags_pass
                    -- end
                    -- only with $license_stays
                    AND selected.license_passes
                    -- end
                    -- only with $tasks_stay
                    AND selected.tasks_pass
                    -- end
                    -- only with $framework_stays
                    AND selected.framework_passes
                    -- end
                    -- only with $size_category_stays
                    AND selected.size_category_passes
                    -- end
                    THEN
                        selected.codes
                        -- only with $with_bars
                        || selected.bars
                        -- end
                -- only with $tags_stay
                WHEN
                    TRUE
                    -- only with $license_stays
                    AND selected.license_passes
                    -- end
                    -- only with $tasks_stay
                    AND selected.tasks_pass
                    -- end
                    -- only with $framework_stays
                    AND selected.framework_passes
                    -- end
                    -- only with $size_category_stays
                    AND selected.size_category_passes
                    -- end
                    THEN list_slice(selected.codes, 5 + array_length(selected.tasks), array_length(selected.codes))
                -- end
                -- only with $license_stays
                WHEN
                    TRUE
                    -- only with $tags_stay
                    AND selected.tags_pass
                    -- end
                    -- only with $tasks_stay
                    AND selected.tasks_pass
                    -- end
                    -- only with $framework_stays
                    AND selected.framework_passes
                    -- end
                    -- only with $size_category_stays
                    AND selected.size_category_passes
                    -- end
                    THEN [selected.license]
                -- end
                -- only with $tasks_stay
                WHEN
                    TRUE
                    -- only with $tags_stay
                    AND selected.tags_pass
                    -- end
                    -- only with $license_stays
                    AND selected.license_passes
                    -- end
                    -- only with $framework_stays
                    AND selected.framework_passes
                    -- end
                    -- only with $size_category_stays
                    AND selected.size_category_passes
                    -- end
                    THEN selected.tasks
                -- end
                -- only with $framework_stays
                WHEN
                    TRUE
                    -- only with $tags_stay
                    AND selected.tags_pass
                    -- end
                    -- only with $license_stays
                    AND selected.license_passes
                    -- end
                    -- only with $tasks_stay
                    AND selected.tasks_pass
                    -- end
                    -- only with $size_category_stays
                    AND selected.size_category_passes
                    -- end
                    THEN [selected.framework]
                -- end
                -- only with $size_category_stays
                WHEN
                    TRUE
                    -- only with $tags_stay
                    AND selected.tags_pass
                    -- end
                    -- only with $license_stays
                    AND selected.license_passes
                    -- end
                    -- only with $tasks_stay
                    AND selected.tasks_pass
                    -- end
                    -- only with $framework_stays
                    AND selected.framework_passes
                    -- end
                    THEN [selected.size_category]
                -- end
            END
        ) AS code
    FROM (
        -- include facets/selected
    ) AS selected
) AS held
GROUP BY held.code
