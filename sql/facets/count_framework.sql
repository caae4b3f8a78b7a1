-- How many models have each framework, over those that pass.
-- `passing` is what sql/facets/passing.sql answers.
SELECT
    passing.framework AS code,
    count(*) AS models
FROM passing
GROUP BY passing.framework;
