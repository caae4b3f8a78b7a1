-- The partitions of the records, in the order of the row ids: each has those from `first` up to, but not including, `end`.
SELECT
    CASE WHEN ordered.is_public THEN 'public' ELSE 'private' END AS visibility,
    ordered.bucket AS bucket,
    min(ordered.rowid) AS first,
    max(ordered.rowid) + 1 AS end
FROM ordered
GROUP BY ordered.is_public, ordered.bucket
ORDER BY first;
