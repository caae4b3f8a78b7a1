-- Models whose texts, or whose values, numbers and times by row id, are not those of the record of their id.
--
-- Hashes are compared: what is hashed need not be carried through the join.
WITH records AS (
    SELECT
        models.id AS id,
        hash(models.org, models.name, models.description, models.tags, models.task_categories) AS texts,
        hash(
            models.license, models.framework, models.size_category, models.parameters, models.size_bytes,
            models.downloads, models.created_at, models.updated_at
        ) AS others
    FROM models
),
texts AS (
    SELECT
        model_texts.rid AS rid,
        model_texts.id AS id,
        hash(
            model_texts.org, model_texts.name, model_texts.description, model_texts.tags, model_texts.task_categories
        ) AS texts
    FROM model_texts
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
    coalesce(records.id, texts.id) AS id,
    texts.rid AS rid
FROM records
FULL JOIN texts ON texts.id = records.id
LEFT JOIN others ON others.rid = texts.rid
WHERE texts.texts IS DISTINCT FROM records.texts
    OR others.others IS DISTINCT FROM records.others
ORDER BY id, rid;
