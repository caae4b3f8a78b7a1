-- How many models have each licence, over those that pass.
-- `passing` is what sql/facets/passing.sql answers.
SELECT
    passing.license AS code,
    count(*) AS models
FROM passing
GROUP BY passing.license;
