-- How many models are selected.
SELECT count(*) AS models
FROM (
    -- include spark/selected
) AS selected
