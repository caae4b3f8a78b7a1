-- index/orgs.parquet: the orgs that the catalogue knows, and the row ids of their models: public ones from
-- `public_first` to before `public_end`, private ones likewise (first = end: none).
SELECT
    known.org AS org,
    coalesce(min(known.rid) FILTER (WHERE known.is_public), 0) AS public_first,
    coalesce(max(known.rid) FILTER (WHERE known.is_public) + 1, 0) AS public_end,
    coalesce(min(known.rid) FILTER (WHERE NOT known.is_public), 0) AS private_first,
    coalesce(max(known.rid) FILTER (WHERE NOT known.is_public) + 1, 0) AS private_end
FROM (
    SELECT placed.org AS org, placed.is_public AS is_public, placed.rid AS rid FROM placed
    UNION ALL
    SELECT listed_orgs.org AS org, NULL AS is_public, NULL AS rid FROM listed_orgs
) AS known
GROUP BY known.org
ORDER BY known.org;
