-- The rows that were read, each with the label of its number of parameters as its size category. A label names the range
-- that its lower bound begins; a number that is null or not above 0 has none.
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
