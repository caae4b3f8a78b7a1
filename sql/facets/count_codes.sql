-- How many of some lists hold each code. `lists` is an Arrow table of code lists, one a model.
SELECT
    held.code AS code,
    count(*) AS models
FROM (SELECT unnest(lists.codes) AS code FROM lists) AS held
GROUP BY held.code;
