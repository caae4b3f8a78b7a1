-- The orgs of the catalogue, and the row ids of their models. The service reads it once.
SELECT
    orgs.org AS org,
    orgs.public_first AS public_first,
    orgs.public_end AS public_end,
    orgs.private_first AS private_first,
    orgs.private_end AS private_end
FROM orgs
