-- Row ids without texts, or whose texts are those of a model of another id.
WITH texts AS (
    SELECT
        public_texts.rid AS rid,
        public_texts.id AS id
    FROM public_texts
    UNION ALL
    SELECT
        private_lines.rid AS rid,
        NULL AS id
    FROM private_lines
)
SELECT
    coalesce(model_ids.rid, texts.rid) AS rid,
    model_ids.id AS id,
    texts.id AS id_of_texts
FROM model_ids
FULL JOIN texts ON texts.rid = model_ids.rid
WHERE model_ids.rid IS NULL
    OR texts.rid IS NULL
    OR texts.id <> model_ids.id
ORDER BY rid;
