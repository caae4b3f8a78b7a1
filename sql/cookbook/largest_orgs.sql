-- Which orgs have the most models, and what share of the catalogue?
--
-- One row per org. `percent` is its share of all models, `percent_so_far` the share of it and all larger orgs.
--
-- $most BIGINT = 20: the most rows to list
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
