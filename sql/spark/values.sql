-- The number of selected models with each code of one facet.
-- $facet INTEGER: the facet: 0 tags, 1 licences, 2 task categories, 3 frameworks, 4 size categories
SELECT
    held.code AS code,
    count(*) AS models
FROM (
    SELECT
        explode(
            CASE :facet
                WHEN 0 THEN slice(selected.codes, 5 + size(selected.tasks), size(selected.codes))
                WHEN 1 THEN array(selected.license)
                WHEN 2 THEN selected.tasks
                WHEN 3 THEN array(selected.framework)
                WHEN 4 THEN array(selected.size_category)
            END
        ) AS code
    FROM (
        -- include spark/selected
    ) AS selected
) AS held
GROUP BY held.code
