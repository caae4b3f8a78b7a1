-- The models among candidates, to be read instead of all. `candidates` is an Arrow table of their row ids.
SELECT models.*
FROM main.models AS models
WHERE models.rid IN (SELECT candidates.rid FROM candidates);
