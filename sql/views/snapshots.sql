-- Every snapshot in the lake, with its numbers of models and orgs.
--
-- snapshot_id VARCHAR: Id: the time of creation and four hexadecimal digits. Example: 20261124T020000Z-3f9c
-- created_at TIMESTAMP WITH TIME ZONE: Time of creation, in UTC. Example: 2026-11-24T02:00:00Z
-- is_current BOOLEAN: True if the service answers from it now. Example: true
-- models BIGINT: Number of models. Example: 2974
-- public_models BIGINT: Number of these that are public. Example: 2917
-- orgs BIGINT: Number of orgs. Example: 272
SELECT
    snapshot_rows.snapshot_id AS snapshot_id,
    snapshot_rows.created_at AS created_at,
    snapshot_rows.is_current AS is_current,
    snapshot_rows.models AS models,
    snapshot_rows.public_models AS public_models,
    snapshot_rows.orgs AS orgs
FROM snapshot_rows;
