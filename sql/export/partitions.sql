-- The partitions of the records, in the order of the row ids: each holds those from `first` to before `end`.
SELECT
    CASE WHEN placed.is_public THEN 'public' ELSE 'private' END AS visibility,
    placed.bucket AS bucket,
    min(placed.rid) AS first,
    max(placed.rid) + 1 AS end
FROM placed
GROUP BY placed.is_public, placed.bucket
ORDER BY first;
