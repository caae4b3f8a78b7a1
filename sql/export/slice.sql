-- The models that are indexed at a time. A table, since DuckDB 1.5 loses the order of what a statement with parameters
-- answers.
-- $first UINTEGER: the row id of the first one
-- $end UINTEGER: the row id before which the last one is
CREATE OR REPLACE TABLE slice AS
SELECT
    $first AS first,
    $end AS end;
