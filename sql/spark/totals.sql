-- The unfiltered counts of every part of the catalogue, a part being the public models of an org, or its private ones: how
-- many models of the part, which begins with the row id `first`, hold each code. The service reads them once.
SELECT
    facet_totals.first AS first,
    facet_totals.code AS code,
    facet_totals.models AS models
FROM facet_totals
ORDER BY facet_totals.first, facet_totals.code
