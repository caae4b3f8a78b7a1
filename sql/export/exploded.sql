-- Every facet value of every model, one row each, and one of null for each facet that a model has no value of: `facet` is
-- the facet's index in `facets_svc.catalogue.FACETS`.
CREATE VIEW exploded AS
SELECT
    placed.rid AS rid,
    placed.is_public AS is_public,
    held.facet AS facet,
    held.value AS value
FROM (
    SELECT
        staged.seq AS seq,
        0 AS facet,
        unnest(CASE WHEN len(staged.tags) > 0 THEN staged.tags ELSE [NULL] END) AS value
    FROM staged
    UNION ALL
    SELECT staged.seq AS seq, 1 AS facet, staged.license AS value FROM staged
    UNION ALL
    SELECT
        staged.seq AS seq,
        2 AS facet,
        unnest(CASE WHEN len(staged.task_categories) > 0 THEN staged.task_categories ELSE [NULL] END) AS value
    FROM staged
    UNION ALL
    SELECT staged.seq AS seq, 3 AS facet, staged.framework AS value FROM staged
    UNION ALL
    SELECT staged.seq AS seq, 4 AS facet, staged.size_category AS value FROM staged
) AS held
INNER JOIN placed ON placed.seq = held.seq;
