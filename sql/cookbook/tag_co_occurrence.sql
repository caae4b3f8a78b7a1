-- Which tags go together more often than chance would have it?
--
-- One row a pair of tags. `lift` compares the models that hold both with what chance would give: 1 is chance, 10 is ten
-- times as often. `percent_of_rarer` is the share of the rarer tag's models that hold the other one too: 100 says that
-- one of the tags is hardly worth having.
--
-- $org VARCHAR = NULL: only this org's models; null: everybody's
-- $at_least BIGINT = 20: pairs that fewer models hold are left out
-- $most BIGINT = 20: how many pairs are listed
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
    HAVING count(*) >= $at_least
),
counted AS (
    SELECT count(*) AS models
    FROM models
    WHERE $org IS NULL OR models.org = $org
)
SELECT
    pairs.tag AS tag,
    pairs.other_tag AS other_tag,
    pairs.models AS models,
    round(100 * pairs.models / least(one.models, other.models), 1) AS percent_of_rarer,
    round(pairs.models * counted.models / (one.models * other.models), 2) AS lift
FROM pairs
INNER JOIN frequent AS one ON one.tag = pairs.tag
INNER JOIN frequent AS other ON other.tag = pairs.other_tag
CROSS JOIN counted
ORDER BY lift DESC, pairs.models DESC, pairs.tag, pairs.other_tag
LIMIT $most;
