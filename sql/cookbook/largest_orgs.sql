-- Which orgs have most models, and how much of the catalogue is theirs?
--
-- One row an org. `percent` is its share of all models, `percent_so_far` that of it and the larger ones together: where
-- it passes 80 after few rows, few orgs make the catalogue.
--
-- $most BIGINT = 20: how many orgs are listed
SELECT
    orgs.org AS org,
    orgs.models AS models,
    orgs.public_models AS public_models,
    round(100 * orgs.models / sum(orgs.models) OVER (), 1) AS percent,
    round(100 * sum(orgs.models) OVER (ORDER BY orgs.models DESC, orgs.org) / sum(orgs.models) OVER (), 1)
        AS percent_so_far
FROM orgs
ORDER BY orgs.models DESC, orgs.org
LIMIT $most;
