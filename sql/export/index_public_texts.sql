-- index/public_texts.parquet: what a public model's record has beside what the service keeps in memory, by row id.
SELECT
    placed.rid AS rid,
    staged.id AS id,
    staged.org AS org,
    staged.name AS name,
    staged.description AS description,
    staged.tags AS tags,
    staged.task_categories AS task_categories
FROM placed
INNER JOIN staged ON staged.seq = placed.seq
WHERE placed.is_public
ORDER BY placed.rid;
