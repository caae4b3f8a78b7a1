-- The parts of the catalogue, each with its first row id: the public or the private models of an org. They cover the row
-- ids without gaps.
SELECT parts.first AS first
FROM (
    SELECT orgs.public_first AS first, orgs.public_end AS end FROM snapshot.orgs AS orgs
    UNION ALL
    SELECT orgs.private_first AS first, orgs.private_end AS end FROM snapshot.orgs AS orgs
) AS parts
WHERE parts.end > parts.first
