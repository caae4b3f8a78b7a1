-- The number of selected models.
SELECT count(*) AS models
FROM (
    -- include spark/selected
) AS selected
