-- Every model of the source database, in the columns of the record (docs/sources.md).
--
-- The table `models` has these columns, by name, in any order. A missing column is null (or an empty list) in every row.
-- The report lists missing and unknown columns. Lists are text with JSON arrays. A database with other tables or names
-- needs its own query: `facets-svc sync --query FILE`.
--
-- No ORDER BY: the order of the database is the reading order. Of two equally new rows with one id, the later stays.
SELECT
  models.*
FROM models
