-- The models that the caller may see: public ones, and the private ones of the caller's org.
--
-- A model's row id (`rid`) tells both: public models have the first row ids, and the models of an org follow one another
-- within each half. `seen` exists beside an earlier snapshot only: the models of it that are in the current snapshot too,
-- with the row id that they have there.
--
-- $public_first INTEGER: row id of the first public model in scope
-- $public_end INTEGER: row id after the last one
-- $private_first INTEGER: row id of the first private model of the org
-- $private_end INTEGER: row id after the last one
-- $now_public_end INTEGER: in the current snapshot, row id after the last public model
-- $now_private_first INTEGER: in the current snapshot, row id of the org's first private model
-- $now_private_end INTEGER: in the current snapshot, row id after the last one
SELECT models.*
FROM models
WHERE (
        (models.rid >= :public_first AND models.rid < :public_end)
        OR (models.rid >= :private_first AND models.rid < :private_end)
    )
    -- only with $now_public_end
    AND models.rid IN (
        SELECT seen.rid
        FROM seen
        WHERE seen.now < :now_public_end OR (seen.now >= :now_private_first AND seen.now < :now_private_end)
    )
    -- end
