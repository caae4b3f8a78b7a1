-- The numbers of models, public models, orgs, and orgs without a model of the snapshot.
SELECT
    (SELECT count(*) FROM ordered) AS models,
    (SELECT count(*) FROM ordered WHERE ordered.is_public) AS public_models,
    count(*) AS orgs,
    count(*) FILTER (WHERE known.models = 0) AS orgs_without_models
FROM (
    SELECT
        each_org.org AS org,
        sum(each_org.models) AS models
    FROM (
        SELECT ordered.org AS org, 1 AS models FROM ordered
        UNION ALL
        SELECT listed_orgs.org AS org, 0 AS models FROM listed_orgs
    ) AS each_org
    GROUP BY each_org.org
) AS known;
