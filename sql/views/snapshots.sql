-- Every snapshot that the lake keeps, with what it holds.
--
-- snapshot_id VARCHAR: Its id: the time it was made, and four digits. Example: 20261124T020000Z-3f9c
-- created_at TIMESTAMP WITH TIME ZONE: When it was made, in UTC. Example: 2026-11-24T02:00:00Z
-- is_current BOOLEAN: Whether the service answers from it now. Example: true
-- models BIGINT: How many models it has. Example: 2974
-- public_models BIGINT: How many of these are public. Example: 2917
-- orgs BIGINT: How many orgs it knows. Example: 272
SELECT
    snapshot_rows.snapshot_id AS snapshot_id,
    snapshot_rows.created_at AS created_at,
    snapshot_rows.is_current AS is_current,
    snapshot_rows.models AS models,
    snapshot_rows.public_models AS public_models,
    snapshot_rows.orgs AS orgs
FROM snapshot_rows;
