-- The models that the caller may see: public ones, and the private ones of the caller's org.
--
-- The row id (`rid`) of a model shows both: public models have the first row ids, and among public and among private models,
-- those of an org are contiguous. `seen` exists for an earlier snapshot only: it has the models that are in the current
-- snapshot too, with their row ids there.
--
-- $public_first INTEGER: row id of the first public model in scope
-- $public_end INTEGER: row id after the last public model in scope
-- $private_first INTEGER: row id of the org's first private model
-- $private_end INTEGER: row id after the org's last private model
-- $now_public_end INTEGER: in the current snapshot, row id after the last public model
-- $now_private_first INTEGER: in the current snapshot, row id of the org's first private model
-- $now_private_end INTEGER: in the current snapshot, row id after the org's last private model
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
