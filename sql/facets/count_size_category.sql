-- How many models have each size category, over those that pass.
-- `passing` is what sql/facets/passing.sql answers.
SELECT
    passing.size_category AS code,
    count(*) AS models
FROM passing
GROUP BY passing.size_category;
