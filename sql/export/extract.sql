-- Every model of the source database, in the columns of the record (docs/sources.md).
--
-- The table `models` has a column for each of them, by name and in any order; one that is not there is null (or an empty
-- list) in every row, and the report lists it, as it lists a column that the record does not have. Lists are JSON arrays in
-- text. A database of other tables or names gets a query of its own: `facets-svc sync --query FILE`.
--
-- No ORDER BY: the database's own order is the reading order, in which of two equally new rows with one id the later stays.
SELECT
  models.*
FROM models
