-- The public models that hold one of some codes, found from the postings instead of from all rows.
-- $drivers UINTEGER[]: those codes
SELECT *
FROM model_facets
WHERE model_facets.rid IN (
        SELECT postings_public.rid
        FROM postings_public
        -- the bounds let DuckDB skip what the list rules out
        WHERE postings_public.code >= CAST(list_min($drivers) AS FACET_CODE)
            AND postings_public.code <= CAST(list_max($drivers) AS FACET_CODE)
            AND list_contains(CAST($drivers AS FACET_CODE[]), postings_public.code)
    );
