-- The models of a range of row ids.
-- $first UINTEGER: the first row id of the range
-- $end UINTEGER: the row id after its last
SELECT *
FROM model_facets
WHERE model_facets.rid >= $first
    AND model_facets.rid < $end;
