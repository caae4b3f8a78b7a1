-- How many models have each task category, over those that pass.
-- `passing` is what sql/facets/passing.sql answers.
SELECT
    held.code AS code,
    count(*) AS models
FROM (SELECT unnest(passing.task_categories) AS code FROM passing) AS held
GROUP BY held.code;
