-- Models that differ between the index and the records: missing from one, in a row of another org, or with another value
-- in any column. Facets are compared by the values of the codes in the index.
WITH dictionary AS (
    SELECT list(coalesce(facet_values.value, '') ORDER BY facet_values.code) AS listed
    FROM snapshot.facet_values AS facet_values
),
indexed AS (
    SELECT
        indexed_models.id AS id,
        indexed_models.rid AS rid,
        indexed_models.org AS org,
        hash(
            indexed_models.org, indexed_models.name, indexed_models.description, indexed_models.created_at,
            indexed_models.updated_at, indexed_models.parameters, indexed_models.size_bytes, indexed_models.downloads,
            dictionary.listed[indexed_models.license], dictionary.listed[indexed_models.framework],
            dictionary.listed[indexed_models.size_category],
            list_select(dictionary.listed, indexed_models.tasks),
            list_select(dictionary.listed, indexed_models.codes[5 + len(indexed_models.tasks):])
        ) AS content
    FROM snapshot.models AS indexed_models, dictionary
),
records AS (
    SELECT
        models.id AS id,
        models.is_public AS is_public,
        hash(
            models.org, models.name, models.description, models.created_at,
            models.updated_at, models.parameters, models.size_bytes, models.downloads,
            coalesce(models.license, ''), coalesce(models.framework, ''),
            coalesce(models.size_category, ''),
            CASE WHEN len(models.task_categories) > 0 THEN models.task_categories ELSE [''] END,
            CASE WHEN len(models.tags) > 0 THEN models.tags ELSE [''] END
        ) AS content
    FROM models
)
SELECT
    coalesce(records.id, indexed.id) AS id,
    indexed.rid AS rid
FROM records
FULL JOIN indexed ON indexed.id = records.id
LEFT JOIN snapshot.orgs AS orgs ON orgs.org = indexed.org
WHERE records.content IS DISTINCT FROM indexed.content
    OR orgs.org IS NULL
    OR NOT CASE
        WHEN records.is_public THEN indexed.rid >= orgs.public_first AND indexed.rid < orgs.public_end
        ELSE indexed.rid >= orgs.private_first AND indexed.rid < orgs.private_end
    END
ORDER BY id, rid;
