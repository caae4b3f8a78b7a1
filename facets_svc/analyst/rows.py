"""The rows behind the tables: the files of each snapshot that hold the rows that a caller may see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from facets_svc.errors import LakeError, NoSnapshot
from facets_svc.lake import Lake, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRows:
    """The rows of one snapshot that the caller may see.

    `files` are the absolute paths of one or more Parquet files with the columns of the record. `models`,
    `public_models` and `orgs` are the counts of their rows.
    """

    snapshot_id: str
    created_at: datetime
    files: tuple[str, ...]
    models: int
    public_models: int
    orgs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The rows of every snapshot, oldest first. The tables read the snapshot `shown`; `current` is the current one.

    `fetches` has a function for each snapshot of a bucket, which downloads its `files`. `lasts` is true if the files
    still exist after this process ends.
    """

    snapshots: tuple[SnapshotRows, ...]
    shown: str
    current: str | None
    fetches: Mapping[str, Callable[[], object]] = field(default_factory=dict)
    lasts: bool = True

    @property
    def present(self) -> SnapshotRows:
        """The rows of the snapshot that the tables read."""
        return next(rows for rows in self.snapshots if rows.snapshot_id == self.shown)

    @property
    def previous(self) -> SnapshotRows | None:
        """The rows of the snapshot before `shown`; None if it is the oldest."""
        earlier = [rows for rows in self.snapshots if rows.snapshot_id < self.shown]
        return earlier[-1] if earlier else None

    def fetch(self, message: str) -> bool:
        """Download the snapshot whose missing file an error's `message` names; return whether to run the query again.

        Raises `LakeError`.
        """
        for rows in self.snapshots:
            if rows.snapshot_id in self.fetches and any(
                file in message and not Path(file).exists() for file in rows.files
            ):
                self.fetches[rows.snapshot_id]()
                return all(Path(file).exists() for file in rows.files)
        return False


def everything_in(lake: Lake, snapshot_id: str | None = None) -> History:
    """Return all rows of all snapshots of `lake`; the tables read `snapshot_id`, or the current snapshot.

    From a bucket, the files of that snapshot are downloaded now, those of others on demand. Raises `LakeError` if that
    snapshot cannot be read. Other unreadable snapshots, such as pruned ones, are left out.
    """
    current = lake.current()
    shown = lake.snapshot(snapshot_id)
    files = [Path(file) for file in shown.model_files()]
    if not files:
        raise NoSnapshot(f"The snapshot {shown.id} holds no models.")
    # Downloaded snapshots have one parent folder, like the snapshots of a lake in a folder.
    beside = Path(str(files[0]).removesuffix(shown.entries("models/")[0].path)).parent
    snapshots = sorted([shown, *_others(lake, shown.id)], key=lambda snapshot: snapshot.id)
    return History(
        snapshots=tuple(_rows(snapshot, beside / snapshot.id) for snapshot in snapshots),
        shown=shown.id,
        current=current,
        fetches={snapshot.id: snapshot.model_files for snapshot in snapshots if snapshot.origin is not None},
        lasts=shown.origin is None,
    )


def _others(lake: Lake, shown: str) -> Iterator[Snapshot]:
    for snapshot_id in lake.ids():
        if snapshot_id != shown:
            with suppress(LakeError):
                snapshot = lake.snapshot(snapshot_id)
                if snapshot.entries("models/"):
                    yield snapshot


def _rows(snapshot: Snapshot, root: Path) -> SnapshotRows:
    manifest = snapshot.manifest
    return SnapshotRows(
        snapshot_id=snapshot.id,
        created_at=snapshot.created_at,
        files=tuple(str((root / entry.path).absolute()) for entry in snapshot.entries("models/")),
        models=manifest.models,
        public_models=manifest.public_models,
        orgs=manifest.orgs,
    )
