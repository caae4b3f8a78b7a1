-- The orgs of the catalogue, and the row ids of their models: public ones from `public_first` up to, but not including,
-- `public_end`, private ones likewise (first = end: none).
CREATE TABLE snapshot.orgs AS
SELECT
    known.org AS org,
    CAST(coalesce(min(known.rid) FILTER (WHERE known.is_public), 0) AS INTEGER) AS public_first,
    CAST(coalesce(max(known.rid) FILTER (WHERE known.is_public) + 1, 0) AS INTEGER) AS public_end,
    CAST(coalesce(min(known.rid) FILTER (WHERE NOT known.is_public), 0) AS INTEGER) AS private_first,
    CAST(coalesce(max(known.rid) FILTER (WHERE NOT known.is_public) + 1, 0) AS INTEGER) AS private_end
FROM (
    SELECT ordered.org AS org, ordered.is_public AS is_public, ordered.rowid AS rid FROM ordered
    UNION ALL
    SELECT listed_orgs.org AS org, NULL AS is_public, NULL AS rid FROM listed_orgs
) AS known
GROUP BY known.org
ORDER BY known.org;
