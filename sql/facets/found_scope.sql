-- The models of two ranges of row ids: what does not add up over the parts of a scope is computed over the whole.
-- $first UINTEGER: the first row id of one range
-- $end UINTEGER: the row id after its last
-- $private_first UINTEGER: the first row id of the other range
-- $private_end UINTEGER: the row id after its last
SELECT *
FROM model_facets
WHERE (model_facets.rid >= $first AND model_facets.rid < $end)
    OR (model_facets.rid >= $private_first AND model_facets.rid < $private_end);
