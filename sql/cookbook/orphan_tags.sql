-- Which tags does only one model have?
--
-- One row per org. A filter by such a tag finds one model. `percent_of_tags` is their share of the tags that the org
-- uses.
--
-- $org VARCHAR = NULL: only this org; null: all orgs
-- $examples BIGINT = 5: how many tags to name
-- $most BIGINT = 20: the most rows to list
WITH used AS (
    SELECT model_tags.tag AS tag, count(*) AS models
    FROM model_tags
    GROUP BY model_tags.tag
),
org_tags AS (
    SELECT DISTINCT model_tags.org AS org, model_tags.tag AS tag
    FROM model_tags
    WHERE $org IS NULL OR model_tags.org = $org
)
SELECT
    org_tags.org AS org,
    count(*) FILTER (WHERE used.models = 1) AS orphan_tags,
    round(100 * count(*) FILTER (WHERE used.models = 1) / count(*), 1) AS percent_of_tags,
    (list(org_tags.tag ORDER BY org_tags.tag) FILTER (WHERE used.models = 1))[:$examples] AS examples
FROM org_tags
INNER JOIN used ON used.tag = org_tags.tag
GROUP BY org_tags.org
HAVING count(*) FILTER (WHERE used.models = 1) > 0
ORDER BY orphan_tags DESC, org_tags.org
LIMIT $most;
