-- Every facet value of every model, one row each: `facet` is the facet's index in `facets_svc.catalogue.FACETS`.
CREATE VIEW exploded AS
SELECT
    placed.rid AS rid,
    placed.is_public AS is_public,
    held.facet AS facet,
    held.value AS value
FROM (
    SELECT staged.seq AS seq, 0 AS facet, unnest(staged.tags) AS value FROM staged
    UNION ALL
    SELECT staged.seq AS seq, 1 AS facet, staged.license AS value FROM staged WHERE staged.license IS NOT NULL
    UNION ALL
    SELECT staged.seq AS seq, 2 AS facet, unnest(staged.task_categories) AS value FROM staged
    UNION ALL
    SELECT staged.seq AS seq, 3 AS facet, staged.framework AS value FROM staged WHERE staged.framework IS NOT NULL
    UNION ALL
    SELECT staged.seq AS seq, 4 AS facet, staged.size_category AS value FROM staged
    WHERE staged.size_category IS NOT NULL
) AS held
INNER JOIN placed ON placed.seq = held.seq;
