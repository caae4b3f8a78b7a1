-- How many models have each licence, over those that pass.
-- `passing` is what sql/facets/passing_rows.sql or passing_holders.sql answers.
SELECT
    passing.license AS code,
    count(*) AS models
FROM passing
WHERE passing.license IS NOT NULL
GROUP BY passing.license;
