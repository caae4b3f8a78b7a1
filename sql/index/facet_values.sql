-- The code of every facet value, with the numbers of models and of public models that have it.
--
-- Codes 0 to 5 are not values: 0 stands for all models, and n + 1 for a missing value of the facet of index n. Values are
-- numbered by facet, and within a facet by descending count: tags have the codes from 6 on, the commonest tag 6.
CREATE TABLE snapshot.facet_values AS
WITH held AS (
    SELECT
        0 AS facet,
        unnest(CASE WHEN len(ordered.tags) > 0 THEN ordered.tags ELSE [NULL] END) AS value,
        ordered.is_public AS is_public
    FROM ordered
    UNION ALL
    SELECT 1 AS facet, ordered.license AS value, ordered.is_public AS is_public FROM ordered
    UNION ALL
    SELECT
        2 AS facet,
        unnest(CASE WHEN len(ordered.task_categories) > 0 THEN ordered.task_categories ELSE [NULL] END) AS value,
        ordered.is_public AS is_public
    FROM ordered
    UNION ALL
    SELECT 3 AS facet, ordered.framework AS value, ordered.is_public AS is_public FROM ordered
    UNION ALL
    SELECT 4 AS facet, ordered.size_category AS value, ordered.is_public AS is_public FROM ordered
),
counted AS (
    SELECT
        held.facet AS facet,
        held.value AS value,
        count(*) AS models,
        count(*) FILTER (WHERE held.is_public) AS public_models
    FROM held
    GROUP BY held.facet, held.value
)
SELECT
    CAST(listed.code AS INTEGER) AS code,
    CAST(listed.facet AS TINYINT) AS facet,
    listed.value AS value,
    listed.models AS models,
    listed.public_models AS public_models
FROM (
    SELECT
        missing.facet + 1 AS code,
        missing.facet AS facet,
        NULL AS value,
        coalesce(counted.models, 0) AS models,
        coalesce(counted.public_models, 0) AS public_models
    FROM (SELECT unnest([0, 1, 2, 3, 4]) AS facet) AS missing
    LEFT JOIN counted ON counted.facet = missing.facet AND counted.value IS NULL
    UNION ALL
    SELECT
        5 + row_number() OVER (ORDER BY counted.facet, counted.models DESC, counted.value) AS code,
        counted.facet AS facet,
        counted.value AS value,
        counted.models AS models,
        counted.public_models AS public_models
    FROM counted
    WHERE counted.value IS NOT NULL
) AS listed
ORDER BY code;
