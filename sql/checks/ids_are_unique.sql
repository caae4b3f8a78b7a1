-- Ids of more than one model.
SELECT
    models.id AS id,
    count(*) AS models
FROM models
GROUP BY models.id
HAVING count(*) > 1
ORDER BY models.id;
