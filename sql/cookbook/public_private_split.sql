-- Which orgs have private models, and how many?
--
-- One row per org with private models: models of each kind, and the private share in percent. At 100 percent the org
-- has published nothing.
--
-- $org VARCHAR = NULL: only this org; null: all orgs
-- $most BIGINT = 20: the most rows to list
SELECT
    orgs.org AS org,
    orgs.models AS models,
    orgs.public_models AS public_models,
    orgs.models - orgs.public_models AS private_models,
    round(100 * (orgs.models - orgs.public_models) / orgs.models, 1) AS percent_private
FROM orgs
WHERE ($org IS NULL OR orgs.org = $org)
    AND orgs.models > orgs.public_models
ORDER BY private_models DESC, orgs.org
LIMIT $most;
