-- The rows that were read, with a size category derived from the number of parameters. A label is a range that includes
-- its lower bound. Null and numbers that are not above 0 have none.
CREATE VIEW staged AS
SELECT
    staged_as_read.* REPLACE (
        CASE
            WHEN staged_as_read.parameters <= 0 THEN NULL
            WHEN staged_as_read.parameters < 100_000_000 THEN '<100M'
            WHEN staged_as_read.parameters < 500_000_000 THEN '100M-500M'
            WHEN staged_as_read.parameters < 1_000_000_000 THEN '500M-1B'
            WHEN staged_as_read.parameters < 3_000_000_000 THEN '1B-3B'
            WHEN staged_as_read.parameters < 8_000_000_000 THEN '3B-8B'
            WHEN staged_as_read.parameters < 15_000_000_000 THEN '8B-15B'
            WHEN staged_as_read.parameters < 40_000_000_000 THEN '15B-40B'
            WHEN staged_as_read.parameters < 80_000_000_000 THEN '40B-80B'
            WHEN staged_as_read.parameters < 200_000_000_000 THEN '80B-200B'
            WHEN staged_as_read.parameters >= 200_000_000_000 THEN '>200B'
        END AS size_category
    )
FROM staged_as_read;
