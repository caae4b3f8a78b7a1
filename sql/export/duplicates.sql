-- The rows that lose to another row of the same id. The row with the newest `updated_at` stays (null is the oldest); of
-- equally new ones, the last in reading order.
CREATE TABLE duplicates AS
SELECT
    ranked.seq AS seq
FROM (
    SELECT
        staged.seq AS seq,
        row_number() OVER (
            PARTITION BY staged.id
            ORDER BY staged.updated_at DESC NULLS LAST, staged.seq DESC
        ) AS place
    FROM staged
    WHERE staged.id IN (SELECT repeated.id FROM staged AS repeated GROUP BY repeated.id HAVING count(*) > 1)
) AS ranked
WHERE ranked.place > 1;
