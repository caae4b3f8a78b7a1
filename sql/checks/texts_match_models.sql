-- Models whose texts, or whose values, numbers and times by row id, are not those of the record of their id.
--
-- Hashes are compared: what is hashed need not be carried through the join.
WITH records AS (
    SELECT
        models.id AS id,
        CASE
            WHEN models.is_public THEN md5(
                concat(
                    hash(models.id, models.org, models.name),
                    hash(models.description, models.tags, models.task_categories)
                )
            )
            ELSE md5(
                CAST(
                    to_json(
                        struct_pack(
                            id := models.id,
                            org := models.org,
                            name := models.name,
                            description := models.description,
                            tags := models.tags,
                            task_categories := models.task_categories
                        )
                    ) AS VARCHAR
                )
            )
        END AS texts,
        hash(
            models.license, models.framework, models.size_category, models.parameters, models.size_bytes,
            models.downloads, models.created_at, models.updated_at
        ) AS others
    FROM models
),
texts AS (
    SELECT
        public_texts.rid AS rid,
        md5(
            concat(
                hash(public_texts.id, public_texts.org, public_texts.name),
                hash(public_texts.description, public_texts.tags, public_texts.task_categories)
            )
        ) AS texts
    FROM public_texts
    UNION ALL
    SELECT
        private_lines.rid AS rid,
        private_lines.md5 AS texts
    FROM private_lines
),
others AS (
    SELECT
        model_facets.rid AS rid,
        hash(
            licenses.value, frameworks.value, size_categories.value, model_facets.parameters, model_facets.size_bytes,
            model_facets.downloads, model_facets.created_at, model_facets.updated_at
        ) AS others
    FROM model_facets
    LEFT JOIN facet_values AS licenses ON licenses.code = model_facets.license
    LEFT JOIN facet_values AS frameworks ON frameworks.code = model_facets.framework
    LEFT JOIN facet_values AS size_categories ON size_categories.code = model_facets.size_category
)
SELECT
    coalesce(records.id, model_ids.id) AS id,
    model_ids.rid AS rid
FROM records
FULL JOIN model_ids ON model_ids.id = records.id
LEFT JOIN texts ON texts.rid = model_ids.rid
LEFT JOIN others ON others.rid = model_ids.rid
WHERE texts.texts IS DISTINCT FROM records.texts
    OR others.others IS DISTINCT FROM records.others
ORDER BY id, rid;
