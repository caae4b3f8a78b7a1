"""Which rows the tables are over: of each snapshot, the files that hold what the asker may see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from facets_svc.errors import LakeError, NoSnapshot
from facets_svc.lake import Lake, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRows:
    """The rows of one snapshot that the asker may see.

    `files` are Parquet files in the columns of the record, at least one, by absolute path; `models`, `public_models`
    and `orgs` count what is in them.
    """

    snapshot_id: str
    created_at: datetime
    files: tuple[str, ...]
    models: int
    public_models: int
    orgs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The rows of every snapshot, oldest first; the tables are over `shown`, the service answers from `in_force`."""

    snapshots: tuple[SnapshotRows, ...]
    shown: str
    in_force: str | None

    @property
    def present(self) -> SnapshotRows:
        """The rows that the tables are over."""
        return next(rows for rows in self.snapshots if rows.snapshot_id == self.shown)

    @property
    def previous(self) -> SnapshotRows | None:
        """The rows of the snapshot before the one that is shown."""
        earlier = [rows for rows in self.snapshots if rows.snapshot_id < self.shown]
        return earlier[-1] if earlier else None


def everything_in(lake: Lake, snapshot_id: str | None = None) -> History:
    """Return every row of every snapshot of `lake`, shown as of `snapshot_id` or of the snapshot in force.

    Raises `LakeError` when that one cannot be read; others that cannot, such as one that was just pruned, are left out.
    """
    current = lake.current()
    shown = lake.snapshot(snapshot_id)
    others = _readable(lake, [other for other in lake.ids() if other != shown.id])
    snapshots = sorted([_rows(shown), *others], key=lambda rows: rows.snapshot_id)
    return History(snapshots=tuple(snapshots), shown=shown.id, in_force=current)


def _readable(lake: Lake, ids: list[str]) -> Iterator[SnapshotRows]:
    for snapshot_id in ids:
        try:
            yield _rows(lake.snapshot(snapshot_id))
        except LakeError:
            continue


def _rows(snapshot: Snapshot) -> SnapshotRows:
    files = snapshot.model_files()
    if not files:
        raise NoSnapshot(f"The snapshot {snapshot.id} holds no models.")
    manifest = snapshot.manifest
    return SnapshotRows(
        snapshot_id=snapshot.id,
        created_at=snapshot.created_at,
        files=tuple(str(file) for file in files),
        models=manifest.models,
        public_models=manifest.public_models,
        orgs=manifest.orgs,
    )
