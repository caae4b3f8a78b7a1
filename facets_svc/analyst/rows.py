"""Which rows the tables are over: of each snapshot, the files that hold what the asker may see."""

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
    """The rows of every snapshot, oldest first; the tables are over `shown`, the service answers from `current`.

    `fetches` has a function for each snapshot whose files are not there yet: it puts them where `files` says. `lasts`
    tells whether the files stay when this process ends.
    """

    snapshots: tuple[SnapshotRows, ...]
    shown: str
    current: str | None
    fetches: Mapping[str, Callable[[], object]] = field(default_factory=dict)
    lasts: bool = True

    @property
    def present(self) -> SnapshotRows:
        """The rows that the tables are over."""
        return next(rows for rows in self.snapshots if rows.snapshot_id == self.shown)

    @property
    def previous(self) -> SnapshotRows | None:
        """The rows of the snapshot before the one that is shown."""
        earlier = [rows for rows in self.snapshots if rows.snapshot_id < self.shown]
        return earlier[-1] if earlier else None

    def fetch(self, said: str) -> bool:
        """Fetch the snapshot of which an error `said` that a file is missing; tell whether it is worth another try.

        Raises `LakeError`.
        """
        for rows in self.snapshots:
            if rows.snapshot_id in self.fetches and any(
                file in said and not Path(file).exists() for file in rows.files
            ):
                self.fetches[rows.snapshot_id]()
                return all(Path(file).exists() for file in rows.files)
        return False


def everything_in(lake: Lake, snapshot_id: str | None = None) -> History:
    """Return every row of every snapshot of `lake`, shown as of `snapshot_id` or of the current snapshot.

    Of a lake in a bucket only the shown one's files are copied at once. Raises `LakeError` when that one cannot be
    read; others that cannot, such as one that was just pruned, are left out.
    """
    current = lake.current()
    shown = lake.snapshot(snapshot_id)
    files = [Path(file) for file in shown.model_files()]
    if not files:
        raise NoSnapshot(f"The snapshot {shown.id} holds no models.")
    # Copies of a bucket's snapshots lie beside each other, as the snapshots of a folder do.
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
