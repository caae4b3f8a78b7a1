-- Models that are not placed where their values and ids put them: each order is gone through from place to place.
WITH placed AS (
    SELECT
        model_order.rid AS rid,
        model_order.name AS name_place,
        model_order.created_at AS created_at_place,
        model_order.updated_at AS updated_at_place,
        model_order.parameters AS parameters_place,
        model_order.downloads AS downloads_place,
        row_number() OVER (ORDER BY model_texts.id) AS id_rank,
        model_texts.name AS name,
        model_facets.created_at AS created_at,
        model_facets.updated_at AS updated_at,
        model_facets.parameters AS parameters,
        model_facets.downloads AS downloads
    FROM model_order
    FULL JOIN model_texts ON model_texts.rid = model_order.rid
    FULL JOIN model_facets ON model_facets.rid = model_order.rid
),
expected AS (
    SELECT
        placed.*,
        row_number() OVER (ORDER BY placed.name, placed.id_rank) - 1 AS by_name,
        row_number() OVER (ORDER BY placed.created_at NULLS LAST, placed.id_rank) - 1
            + CASE WHEN placed.created_at IS NULL THEN 2147483648 ELSE 0 END AS by_created_at,
        row_number() OVER (ORDER BY placed.updated_at NULLS LAST, placed.id_rank) - 1
            + CASE WHEN placed.updated_at IS NULL THEN 2147483648 ELSE 0 END AS by_updated_at,
        row_number() OVER (ORDER BY placed.parameters NULLS LAST, placed.id_rank) - 1
            + CASE WHEN placed.parameters IS NULL THEN 2147483648 ELSE 0 END AS by_parameters,
        row_number() OVER (ORDER BY placed.downloads NULLS LAST, placed.id_rank) - 1
            + CASE WHEN placed.downloads IS NULL THEN 2147483648 ELSE 0 END AS by_downloads
    FROM placed
)
SELECT
    expected.rid AS rid,
    expected.id_rank AS id_rank
FROM expected
WHERE expected.name_place IS DISTINCT FROM expected.by_name
    OR expected.created_at_place IS DISTINCT FROM expected.by_created_at
    OR expected.updated_at_place IS DISTINCT FROM expected.by_updated_at
    OR expected.parameters_place IS DISTINCT FROM expected.by_parameters
    OR expected.downloads_place IS DISTINCT FROM expected.by_downloads
ORDER BY rid;
