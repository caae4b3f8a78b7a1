-- The number of selected models.
SELECT count(*) AS models
FROM (
    -- include facets/selected
) AS selected
