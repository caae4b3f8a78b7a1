-- How many models hold each code, over the models of a range of row ids that pass every filter. Code 0, which every model
-- holds, counts those models.
-- $first UINTEGER: the first row id of the range
-- $end UINTEGER: the row id after its last
-- $terms VARCHAR[]: folded search terms, the most selective first
-- $tags UINTEGER[]: codes of the selected tags, the rarest first
-- $licenses UINTEGER[]: codes of the selected licences
-- $task_categories UINTEGER[]: codes of the selected task categories
-- $frameworks UINTEGER[]: codes of the selected frameworks
-- $size_categories UINTEGER[]: codes of the selected size categories
SELECT
    held.code AS code,
    count(*) AS models
FROM (
    SELECT unnest(passing.codes) AS code
    FROM passing(
        $first,
        $end,
        CAST($terms AS VARCHAR[]),
        CAST($tags AS FACET_CODE[]),
        CAST($licenses AS FACET_CODE[]),
        CAST($task_categories AS FACET_CODE[]),
        CAST($frameworks AS FACET_CODE[]),
        CAST($size_categories AS FACET_CODE[])
    ) AS passing
) AS held
WHERE held.code IS NOT NULL
GROUP BY held.code;
