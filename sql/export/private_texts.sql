-- index/private_texts.jsonl: what a private model's record has beside what the service keeps in memory, a line a model.
WITH told AS (
    SELECT
        placed.rid AS rid,
        CAST(
            to_json(
                struct_pack(
                    id := staged.id,
                    org := staged.org,
                    name := staged.name,
                    description := staged.description,
                    tags := staged.tags,
                    task_categories := staged.task_categories
                )
            ) AS VARCHAR
        ) AS line
    FROM placed
    INNER JOIN staged ON staged.seq = placed.seq
    WHERE NOT placed.is_public
)
SELECT
    told.rid AS rid,
    told.line AS line,
    md5(told.line) AS md5
FROM told
ORDER BY told.rid;
