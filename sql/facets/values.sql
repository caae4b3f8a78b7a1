-- The number of selected models with each code of one facet.
-- $facet INTEGER: the facet: 0 tags, 1 licences, 2 task categories, 3 frameworks, 4 size categories
SELECT
    held.code AS code,
    count(*) AS models
FROM (
    SELECT
        unnest(
            CASE $facet
                WHEN 0 THEN list_slice(selected.codes, 5 + array_length(selected.tasks), array_length(selected.codes))
                WHEN 1 THEN [selected.license]
                WHEN 2 THEN selected.tasks
                WHEN 3 THEN [selected.framework]
                WHEN 4 THEN [selected.size_category]
            END
        ) AS code
    FROM (
        -- include facets/selected
    ) AS selected
) AS held
GROUP BY held.code
