-- The unfiltered counts of every part of the catalogue: the number of models with each code. A part is the public or the
-- private models of an org, and `first` its first row id. The service reads it once.
SELECT
    facet_totals.first AS first,
    facet_totals.code AS code,
    facet_totals.models AS models
FROM facet_totals
ORDER BY facet_totals.first, facet_totals.code
