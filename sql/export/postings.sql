-- Which model holds which code: one row a (model, facet value), or (model, facet) where it has no value.
CREATE TABLE postings AS
SELECT
    exploded.rid AS rid,
    exploded.is_public AS is_public,
    facet_values.facet AS facet,
    facet_values.code AS code
FROM exploded
INNER JOIN facet_values
    ON facet_values.facet = exploded.facet AND facet_values.value IS NOT DISTINCT FROM exploded.value;
