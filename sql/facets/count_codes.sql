-- How many models hold each code, over those that pass. Code 0, which every model holds, counts those models.
-- `passing` is what sql/facets/passing.sql answers.
SELECT
    held.code AS code,
    count(*) AS models
FROM (SELECT unnest(passing.codes) AS code FROM passing) AS held
GROUP BY held.code;
