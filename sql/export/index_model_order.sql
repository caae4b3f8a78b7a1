-- index/model_order.parquet: per model its place among all models in every order that they are listed in, from 0 on.
--
-- Of equal values the lesser id comes first. Models without a value come last, and their places have the highest bit set:
-- with all bits but that turned over, the places are those of the descending order.
WITH named AS (
    SELECT
        placed.rid AS rid,
        staged.updated_at AS updated_at,
        staged.created_at AS created_at,
        staged.downloads AS downloads,
        staged.name AS name,
        staged.parameters AS parameters,
        -- an integer is sorted by several times faster than a text
        row_number() OVER (ORDER BY staged.id) AS id_rank
    FROM placed
    INNER JOIN staged ON staged.seq = placed.seq
),
ranked AS (
    SELECT
        named.rid AS rid,
        row_number() OVER (ORDER BY named.updated_at NULLS LAST, named.id_rank) - 1 AS updated_at,
        row_number() OVER (ORDER BY named.created_at NULLS LAST, named.id_rank) - 1 AS created_at,
        row_number() OVER (ORDER BY named.downloads NULLS LAST, named.id_rank) - 1 AS downloads,
        row_number() OVER (ORDER BY named.name, named.id_rank) - 1 AS name,
        row_number() OVER (ORDER BY named.parameters NULLS LAST, named.id_rank) - 1 AS parameters,
        named.updated_at IS NULL AS lacks_updated_at,
        named.created_at IS NULL AS lacks_created_at,
        named.downloads IS NULL AS lacks_downloads,
        named.parameters IS NULL AS lacks_parameters
    FROM named
)
SELECT
    ranked.rid AS rid,
    CAST(ranked.updated_at + CASE WHEN ranked.lacks_updated_at THEN 2147483648 ELSE 0 END AS UINTEGER) AS updated_at,
    CAST(ranked.created_at + CASE WHEN ranked.lacks_created_at THEN 2147483648 ELSE 0 END AS UINTEGER) AS created_at,
    CAST(ranked.downloads + CASE WHEN ranked.lacks_downloads THEN 2147483648 ELSE 0 END AS UINTEGER) AS downloads,
    CAST(ranked.name AS UINTEGER) AS name,
    CAST(ranked.parameters + CASE WHEN ranked.lacks_parameters THEN 2147483648 ELSE 0 END AS UINTEGER) AS parameters
FROM ranked
ORDER BY ranked.rid;
