-- The row id of the selected model with an id, if there is one.
-- $id VARCHAR: the id
SELECT selected.rid AS rid
FROM (
    -- include facets/selected
) AS selected
WHERE selected.id = $id
