-- How many models hold each code, over the models of a range of row ids that pass the filters (code 0: how many pass).
-- The counts of an *any* facet leave its own filter out.
-- $first UINTEGER: the first row id of the range
-- $end UINTEGER: the row id after its last
-- $terms VARCHAR[]: folded search terms, the most selective first
-- $tags UINTEGER[]: codes of the selected tags, the rarest first
-- $licenses UINTEGER[]: codes of the selected licences
-- $task_categories UINTEGER[]: codes of the selected task categories
-- $frameworks UINTEGER[]: codes of the selected frameworks
-- $size_categories UINTEGER[]: codes of the selected size categories
-- $disjunctive BOOLEAN: whether models that fail one *any* facet count for that facet
WITH judged AS (
    SELECT
        failed_facets(
            model_facets.license,
            model_facets.task_categories,
            model_facets.framework,
            model_facets.size_category,
            CAST($licenses AS FACET_CODE[]),
            CAST($task_categories AS FACET_CODE[]),
            CAST($frameworks AS FACET_CODE[]),
            CAST($size_categories AS FACET_CODE[])
        ) AS failed,
        model_facets.codes AS codes,
        model_facets.license AS license,
        model_facets.task_categories AS task_categories,
        model_facets.framework AS framework,
        model_facets.size_category AS size_category
    FROM model_facets
    WHERE model_facets.rid >= $first
        AND model_facets.rid < $end
        AND matches(
            model_facets.codes, model_facets.search_text, CAST($tags AS FACET_CODE[]), CAST($terms AS VARCHAR[])
        )
),
counted AS (
    SELECT
        unnest(counted_codes(
            judged.failed,
            judged.codes,
            judged.license,
            judged.task_categories,
            judged.framework,
            judged.size_category
        )) AS code
    FROM judged
    WHERE judged.failed = 0 OR ($disjunctive AND bit_count(judged.failed) = 1)
)
SELECT
    counted.code AS code,
    count(*) AS models
FROM counted
WHERE counted.code IS NOT NULL
GROUP BY counted.code;
