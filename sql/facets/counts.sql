-- How many models hold each code, over all facets: the counts of a facet answer.
--
-- A model that passes every filter counts for all of its codes, among them 0, which every model holds. One that fails the
-- filter of a single facet counts for its codes of that facet alone, so that a facet's counts leave its own filter out.
-- The codes of a model begin with 0, its licence, its framework and its size category; then come those of its task
-- categories, then those of its tags.
SELECT
    held.code AS code,
    count(*) AS models
FROM (
    SELECT
        unnest(
            CASE
                WHEN
                    selected.tags_pass AND selected.license_passes AND selected.tasks_pass
                    AND selected.framework_passes AND selected.size_category_passes
                    THEN selected.codes
                WHEN
                    selected.tags_pass AND selected.tasks_pass AND selected.framework_passes
                    AND selected.size_category_passes
                    THEN [selected.license]
                WHEN
                    selected.tags_pass AND selected.license_passes AND selected.framework_passes
                    AND selected.size_category_passes
                    THEN selected.tasks
                WHEN
                    selected.tags_pass AND selected.license_passes AND selected.tasks_pass
                    AND selected.size_category_passes
                    THEN [selected.framework]
                WHEN
                    selected.tags_pass AND selected.license_passes AND selected.tasks_pass
                    AND selected.framework_passes
                    THEN [selected.size_category]
                WHEN
                    selected.license_passes AND selected.tasks_pass AND selected.framework_passes
                    AND selected.size_category_passes
                    THEN list_slice(selected.codes, 5 + array_length(selected.tasks), array_length(selected.codes))
            END
        ) AS code
    FROM (
-- include facets/selected
    ) AS selected
) AS held
GROUP BY held.code
