-- Models that are not placed where their values and ids put them, in one of the orders.
WITH ids AS MATERIALIZED (
    SELECT
        model_ids.rid AS rid,
        row_number() OVER (ORDER BY model_ids.id) AS id_rank
    FROM model_ids
),
by_name AS (
    SELECT
        model_ids.rid AS rid,
        row_number() OVER (ORDER BY models.name, models.id) - 1 AS name
    FROM models
    INNER JOIN model_ids ON model_ids.id = models.id
),
ranked AS (
    SELECT
        ids.rid AS rid,
        row_number() OVER (ORDER BY model_facets.updated_at NULLS LAST, ids.id_rank) - 1
            + CASE WHEN model_facets.updated_at IS NULL THEN 2147483648 ELSE 0 END AS updated_at,
        row_number() OVER (ORDER BY model_facets.created_at NULLS LAST, ids.id_rank) - 1
            + CASE WHEN model_facets.created_at IS NULL THEN 2147483648 ELSE 0 END AS created_at,
        row_number() OVER (ORDER BY model_facets.downloads NULLS LAST, ids.id_rank) - 1
            + CASE WHEN model_facets.downloads IS NULL THEN 2147483648 ELSE 0 END AS downloads,
        row_number() OVER (ORDER BY model_facets.parameters NULLS LAST, ids.id_rank) - 1
            + CASE WHEN model_facets.parameters IS NULL THEN 2147483648 ELSE 0 END AS parameters
    FROM ids
    INNER JOIN model_facets ON model_facets.rid = ids.rid
)
SELECT
    coalesce(ranked.rid, model_order.rid) AS rid,
    ranked.updated_at AS updated_at,
    ranked.created_at AS created_at,
    ranked.downloads AS downloads,
    by_name.name AS name,
    ranked.parameters AS parameters
FROM ranked
FULL JOIN model_order ON model_order.rid = ranked.rid
LEFT JOIN by_name ON by_name.rid = ranked.rid
WHERE model_order.updated_at IS DISTINCT FROM ranked.updated_at
    OR model_order.created_at IS DISTINCT FROM ranked.created_at
    OR model_order.downloads IS DISTINCT FROM ranked.downloads
    OR model_order.name IS DISTINCT FROM by_name.name
    OR model_order.parameters IS DISTINCT FROM ranked.parameters
ORDER BY rid;
