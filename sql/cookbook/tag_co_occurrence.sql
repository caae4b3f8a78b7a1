-- Which tags occur together more often than by chance?
--
-- One row per pair of tags. `lift` is the number of models with both, relative to the number expected by chance: 1 is
-- chance, 10 is ten times as often. `percent_of_rarer` is the share of the rarer tag's models that have the other tag
-- too; at 100, one of the two tags adds little.
--
-- $org VARCHAR = NULL: only this org's models; null: all orgs
-- $tag VARCHAR = NULL: only pairs with this tag, which then comes first; null: all pairs
-- $at_least BIGINT = 20: leave out tags and pairs that fewer models have
-- $most BIGINT = 20: the most rows to list
WITH held AS (
    SELECT model_tags.id AS id, model_tags.tag AS tag
    FROM model_tags
    WHERE $org IS NULL OR model_tags.org = $org
),
frequent AS (
    SELECT held.tag AS tag, count(*) AS models
    FROM held
    GROUP BY held.tag
    HAVING count(*) >= $at_least
),
pairs AS (
    SELECT one.tag AS tag, other.tag AS other_tag, count(*) AS models
    FROM held AS one
    INNER JOIN held AS other ON other.id = one.id AND other.tag > one.tag
    WHERE one.tag IN (SELECT frequent.tag FROM frequent)
        AND other.tag IN (SELECT frequent.tag FROM frequent)
    GROUP BY one.tag, other.tag
    HAVING count(*) >= $at_least AND ($tag IS NULL OR one.tag = $tag OR other.tag = $tag)
),
counted AS (
    SELECT count(*) AS models
    FROM models
    WHERE $org IS NULL OR models.org = $org
)
SELECT
    CASE WHEN pairs.other_tag = $tag THEN pairs.other_tag ELSE pairs.tag END AS tag,
    CASE WHEN pairs.other_tag = $tag THEN pairs.tag ELSE pairs.other_tag END AS other_tag,
    pairs.models AS models,
    round(100 * pairs.models / least(one.models, other.models), 1) AS percent_of_rarer,
    round(pairs.models * counted.models / (one.models * other.models), 2) AS lift
FROM pairs
INNER JOIN frequent AS one ON one.tag = pairs.tag
INNER JOIN frequent AS other ON other.tag = pairs.other_tag
CROSS JOIN counted
ORDER BY lift DESC, pairs.models DESC, pairs.tag, pairs.other_tag
LIMIT $most;
