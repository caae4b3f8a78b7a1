-- How many models there are, over those that pass, as the count of code 0.
-- `passing` is what sql/facets/passing.sql answers.
SELECT
    0 AS code,
    count(*) AS models
FROM passing;
