-- Models whose texts, or whose values, numbers and times by row id, are not those of the record of their id.
SELECT
    coalesce(models.id, model_texts.id) AS id,
    model_texts.rid AS rid
FROM models
FULL JOIN model_texts ON model_texts.id = models.id
LEFT JOIN model_facets ON model_facets.rid = model_texts.rid
LEFT JOIN facet_values AS licenses ON licenses.code = model_facets.license
LEFT JOIN facet_values AS frameworks ON frameworks.code = model_facets.framework
LEFT JOIN facet_values AS size_categories ON size_categories.code = model_facets.size_category
WHERE models.id IS NULL
    OR model_texts.id IS NULL
    OR model_facets.rid IS NULL
    OR model_texts.org <> models.org
    OR model_texts.name <> models.name
    OR model_texts.description IS DISTINCT FROM models.description
    OR model_texts.tags IS DISTINCT FROM models.tags
    OR model_texts.task_categories IS DISTINCT FROM models.task_categories
    OR licenses.value IS DISTINCT FROM models.license
    OR frameworks.value IS DISTINCT FROM models.framework
    OR size_categories.value IS DISTINCT FROM models.size_category
    OR model_facets.parameters IS DISTINCT FROM models.parameters
    OR model_facets.size_bytes IS DISTINCT FROM models.size_bytes
    OR model_facets.downloads IS DISTINCT FROM models.downloads
    OR model_facets.created_at IS DISTINCT FROM models.created_at
    OR model_facets.updated_at IS DISTINCT FROM models.updated_at
ORDER BY id, rid;
