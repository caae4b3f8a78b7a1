-- Which names do models of several orgs share?
--
-- One row a name, in any case: copies of each other, or models that are taken for one another. Another size or licence
-- in the same row says that they are not the same.
--
-- $org VARCHAR = NULL: only names that this org has too; null: all
-- $most BIGINT = 20: how many names are listed
SELECT
    lower(models.name) AS name,
    count(*) AS models,
    list(models.id ORDER BY models.id) AS ids,
    list(DISTINCT models.size_category ORDER BY models.size_category) AS sizes,
    list(DISTINCT models.license ORDER BY models.license) AS licences
FROM models
GROUP BY lower(models.name)
HAVING count(*) > 1
    AND ($org IS NULL OR count(*) FILTER (WHERE models.org = $org) > 0)
ORDER BY count(*) DESC, lower(models.name)
LIMIT $most;
