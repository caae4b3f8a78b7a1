-- The models of an earlier snapshot that the current one has too, by id, with their row ids in both. `current_models` has
-- the ids and row ids of the current snapshot.
SELECT
    models.rid AS rid,
    current_models.rid AS now
FROM models
INNER JOIN current_models ON current_models.id = models.id
ORDER BY models.rid
