-- Which model names do several orgs use?
--
-- One row per name, ignoring case. The models may be copies of each other, or unrelated: compare their sizes and
-- licences.
--
-- $org VARCHAR = NULL: only names that this org uses; null: all
-- $most BIGINT = 20: the most rows to list
SELECT
    lower(models.name) AS name,
    count(*) AS models,
    list(models.id ORDER BY models.id) AS ids,
    list(DISTINCT models.size_category ORDER BY models.size_category) AS sizes,
    list(DISTINCT models.license ORDER BY models.license) AS licenses
FROM models
GROUP BY lower(models.name)
HAVING count(*) > 1
    AND ($org IS NULL OR count(*) FILTER (WHERE models.org = $org) > 0)
ORDER BY count(*) DESC, lower(models.name)
LIMIT $most;
