-- index/model_order.parquet: per model its place among all models in every order that they are listed in, from 0 on.
--
-- Of equal values the lesser id comes first. Models without a value come last, and their places have the highest bit set:
-- with all bits but that turned over, the places are those of the descending order.
WITH ids AS MATERIALIZED (
    -- an integer is sorted by several times faster than a text
    SELECT
        placed.rid AS rid,
        placed.seq AS seq,
        row_number() OVER (ORDER BY staged.id) AS id_rank
    FROM placed
    INNER JOIN staged ON staged.seq = placed.seq
),
by_name AS (
    SELECT
        ids.rid AS rid,
        row_number() OVER (ORDER BY staged.name, ids.id_rank) - 1 AS name
    FROM ids
    INNER JOIN staged ON staged.seq = ids.seq
),
ranked AS (
    SELECT
        ids.rid AS rid,
        row_number() OVER (ORDER BY staged.updated_at NULLS LAST, ids.id_rank) - 1
            + CASE WHEN staged.updated_at IS NULL THEN 2147483648 ELSE 0 END AS updated_at,
        row_number() OVER (ORDER BY staged.created_at NULLS LAST, ids.id_rank) - 1
            + CASE WHEN staged.created_at IS NULL THEN 2147483648 ELSE 0 END AS created_at,
        row_number() OVER (ORDER BY staged.downloads NULLS LAST, ids.id_rank) - 1
            + CASE WHEN staged.downloads IS NULL THEN 2147483648 ELSE 0 END AS downloads,
        row_number() OVER (ORDER BY staged.parameters NULLS LAST, ids.id_rank) - 1
            + CASE WHEN staged.parameters IS NULL THEN 2147483648 ELSE 0 END AS parameters
    FROM ids
    INNER JOIN staged ON staged.seq = ids.seq
)
SELECT
    ranked.rid AS rid,
    CAST(ranked.updated_at AS UINTEGER) AS updated_at,
    CAST(ranked.created_at AS UINTEGER) AS created_at,
    CAST(ranked.downloads AS UINTEGER) AS downloads,
    CAST(by_name.name AS UINTEGER) AS name,
    CAST(ranked.parameters AS UINTEGER) AS parameters
FROM ranked
INNER JOIN by_name ON by_name.rid = ranked.rid
ORDER BY ranked.rid;
