-- How many models have each size category, over those that pass.
-- `passing` is what sql/facets/passing_rows.sql or passing_holders.sql answers.
SELECT
    passing.size_category AS code,
    count(*) AS models
FROM passing
WHERE passing.size_category IS NOT NULL
GROUP BY passing.size_category;
