"""The interface of lakes: `Lake` reads snapshots, `Writer` adds and removes them."""

from __future__ import annotations

import os
import secrets
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final

from facets_svc.errors import LakeError, SnapshotCorrupt
from facets_svc.lake import files
from facets_svc.lake.journal import History
from facets_svc.lake.manifest import Manifest, encode, id_time, next_id
from facets_svc.lake.snapshot import MANIFEST, Snapshot

TEMPORARY: Final = "tmp-"
"""The start of the names of folders with an unfinished snapshot."""

OUTCOME: Final = "OUTCOME.prom"
"""The file with the metrics of the last job. No snapshot depends on it."""

REFUSED: Final = "refused"
"""The folder of the reports of refused jobs, each under the id that its snapshot would have had."""

MAX_REFUSED: Final = 7
"""Number of refused jobs whose report and rejected rows stay; a newer job replaces the oldest."""


@dataclass(slots=True)
class Draft:
    """An unpublished snapshot: its id, its time in UTC, and the local folder of its files."""

    id: str
    created_at: datetime
    path: Path


class Lake(ABC):
    """Reads the snapshots of one lake; `writing` returns a `Writer` that changes them.

    `location` has no credentials.
    """

    schemes: ClassVar[tuple[str, ...]] = ()
    _kinds: ClassVar[dict[str, type[Lake]]] = {}

    location: str

    def __init_subclass__(cls) -> None:
        """Register the URL schemes of the class for `open`."""
        super().__init_subclass__()
        Lake._kinds.update(dict.fromkeys(cls.schemes, cls))

    @staticmethod
    def open(location: str, *, cache: Path | None = None) -> Lake:
        """Return the lake at `location`: a folder, which need not exist yet, or a bucket such as `s3://bucket/prefix`.

        `cache` is the folder for local copies of a bucket; by default, one in the user's cache folder. Raises
        `LakeError` for an unsupported scheme, `SettingsError` for an invalid location.
        """
        scheme, separator, _ = location.partition("://")
        kind = Lake._kinds.get(scheme if separator else "")
        if kind is None:
            known = ", ".join(f"{name}://" for name in sorted(Lake._kinds) if name)
            raise LakeError(f"A lake is a folder or a bucket ({known}); {scheme[:20]}:// is not supported.")
        return kind.at(location, cache=cache)

    @classmethod
    @abstractmethod
    def at(cls, location: str, *, cache: Path | None) -> Lake:
        """Return the lake of this class at `location`."""

    @abstractmethod
    def current(self) -> str | None:
        """Return the id of the current snapshot; None if there is none yet. Raises `LakeError`."""

    @abstractmethod
    def snapshot(self, snapshot_id: str | None = None) -> Snapshot:
        """Return a snapshot, by default the current one, without verifying its files.

        Raises `NoSnapshot`, `SnapshotCorrupt` or `LakeError`.
        """

    @abstractmethod
    def ids(self) -> list[str]:
        """Return the ids of all snapshots, oldest first. Raises `LakeError`."""

    @abstractmethod
    def history(self) -> History:
        """Return the history of the current snapshot. Raises `LakeError`."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Writer]:
        """Lock the lake for writing, and remove the leftovers of killed jobs.

        Raises `LakeBusy` if another job holds the lock, `LakeError` if the lake cannot be written.
        """

    @abstractmethod
    def outcome(self) -> bytes | None:
        """Return the metrics of the last job; None if no job wrote any. Raises `LakeError`."""

    @abstractmethod
    def leave_outcome(self, content: bytes) -> None:
        """Replace the metrics of the last job. Needs no lock. Raises `LakeError`."""

    @abstractmethod
    def refused(self) -> list[str]:
        """Return the ids of refused jobs with a report, oldest first. Raises `LakeError`."""

    def remembered(self) -> str | None:
        """Return the id of the last known current snapshot, to serve while the lake is unreachable; None if unknown."""
        return None


class Writer(ABC):
    """Adds and removes the snapshots of a lake, whose lock it holds."""

    @abstractmethod
    def draft(self) -> AbstractContextManager[Draft]:
        """Create a draft with an empty folder; unless it is published, the end of the block removes it."""

    def seal(self, draft: Draft, manifest: Manifest) -> Snapshot:
        """Flush the draft's files, verify them as they are on disk, write the manifest, and return the snapshot.

        Raises `SnapshotCorrupt` if a file does not match the manifest, or only one of folder and manifest has it.
        """
        for entry in manifest.files:
            files.sync_file(draft.path / entry.path)
        Snapshot(draft.path, manifest).verify()
        present = {path.relative_to(draft.path).as_posix() for path in draft.path.rglob("*") if path.is_file()}
        if extra := present - {entry.path for entry in manifest.files}:
            raise SnapshotCorrupt(f"The snapshot {draft.id} holds a file that is not in its manifest: {min(extra)}.")
        files.write_durably(draft.path / MANIFEST, encode(manifest))
        for folder in sorted((path for path in draft.path.rglob("*") if path.is_dir()), reverse=True):
            files.sync_folder(folder)
        files.sync_folder(draft.path)
        return Snapshot.read(draft.path)

    @abstractmethod
    def publish(self, snapshot: Snapshot) -> Snapshot:
        """Move a sealed draft into place, make it current, and return it.

        If the process is killed at any moment, the current snapshot is the one before or this one, complete. Raises
        `LakeError`; `LakeBusy` if another job has taken over the lock.
        """

    @abstractmethod
    def put_back(self, snapshot_id: str, *, why: str) -> None:
        """Make an earlier snapshot current, and withdraw the current one. Raises `LakeError` or `LakeBusy`."""

    @abstractmethod
    def keep_refused(self, draft: Draft, paths: Sequence[Path]) -> str:
        """Store these files of an unpublished draft under `REFUSED`, and return their location.

        Removes the oldest refused jobs beyond `MAX_REFUSED`. Raises `LakeError`, `LakeBusy` or `OSError`.
        """

    @abstractmethod
    def remove_refused(self, refused_id: str) -> None:
        """Delete the files of a refused job. Raises `LakeError`."""

    @abstractmethod
    def remove(self, snapshot_id: str) -> None:
        """Delete a snapshot. If the process is killed, readers see all of it or nothing.

        Raises `LakeError` if it is current or cannot be deleted; `LakeBusy` if another job has taken over the lock.
        """


def new_id(taken: Iterable[str]) -> str:
    """Return a new id that is later than all `taken` ids, even if the clock went back."""
    return next_id(datetime.now(UTC), latest=max(taken, default=None), suffix=secrets.randbits(16))


@contextmanager
def draft_under(folder: Path, snapshot_id: str) -> Iterator[Draft]:
    """Create the folder of a draft under `folder`; the end of the block removes it."""
    path = folder / f"{TEMPORARY}{snapshot_id}-{os.getpid()}" / snapshot_id
    path.mkdir(parents=True)
    try:
        yield Draft(snapshot_id, id_time(snapshot_id), path)
    finally:
        shutil.rmtree(path.parent, ignore_errors=True)
