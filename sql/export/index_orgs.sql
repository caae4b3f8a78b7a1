-- index/orgs.parquet: the orgs that the catalogue knows, and the row ids of their models: public ones from
-- `public_first` to before `public_end`, private ones likewise (first = end: none).
SELECT
    placed.org AS org,
    coalesce(min(placed.rid) FILTER (WHERE placed.is_public), 0) AS public_first,
    coalesce(max(placed.rid) FILTER (WHERE placed.is_public) + 1, 0) AS public_end,
    coalesce(min(placed.rid) FILTER (WHERE NOT placed.is_public), 0) AS private_first,
    coalesce(max(placed.rid) FILTER (WHERE NOT placed.is_public) + 1, 0) AS private_end
FROM placed
GROUP BY placed.org
ORDER BY placed.org;
