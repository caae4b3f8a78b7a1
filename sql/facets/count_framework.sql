-- How many models have each framework, over those that pass.
-- `passing` is what sql/facets/passing_rows.sql or passing_holders.sql answers.
SELECT
    passing.framework AS code,
    count(*) AS models
FROM passing
WHERE passing.framework IS NOT NULL
GROUP BY passing.framework;
