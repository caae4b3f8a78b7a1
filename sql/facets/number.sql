-- How many models are selected.
SELECT count(*) AS models
FROM (
    -- include facets/selected
) AS selected
