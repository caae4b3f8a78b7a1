-- Which orgs keep models to themselves, and how many?
--
-- One row an org that has private models: how many of each kind, and the private share in per cent. An org at 100 has
-- published nothing.
--
-- $org VARCHAR = NULL: only this org; null: every one
-- $most BIGINT = 20: how many orgs are listed
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
