"""What a lake is, wherever it lies."""

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
"""How the names of folders begin that hold an unfinished snapshot."""


OUTCOME: Final = "OUTCOME.prom"
"""Where the last job's metrics lie. Nothing that is published depends on them."""

REFUSED: Final = "refused"
"""The folder of what refused jobs have left, each under the id that its snapshot would have had."""

MAX_REFUSED: Final = 7
"""Refused jobs whose report and rejected rows stay; a newer one takes the place of the oldest."""


@dataclass(slots=True)
class Draft:
    """A snapshot being written: its id and time, and the local folder that holds it until it is published."""

    id: str
    created_at: datetime
    path: Path


class Lake(ABC):
    """Reads the snapshots of one lake; `writing` gives a `Writer` that adds to them.

    `location` is safe to show.
    """

    schemes: ClassVar[tuple[str, ...]] = ()
    _kinds: ClassVar[dict[str, type[Lake]]] = {}

    location: str

    def __init_subclass__(cls) -> None:
        """Let `open` know what the kind of lake is for."""
        super().__init_subclass__()
        Lake._kinds.update(dict.fromkeys(cls.schemes, cls))

    @staticmethod
    def open(location: str, *, cache: Path | None = None) -> Lake:
        """Return the lake at `location`: a folder, which need not exist yet, or a bucket such as `s3://bucket/prefix`.

        `cache` is where a lake that is not local keeps what it copies; by default a folder of the user's cache. Raises
        `LakeError` for another kind of lake, `SettingsError` for a location that does not read.
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
        """Return the lake of this kind at `location`."""

    @abstractmethod
    def current(self) -> str | None:
        """Return the id of the current snapshot; None when there is none yet. Raises `LakeError`."""

    @abstractmethod
    def snapshot(self, snapshot_id: str | None = None) -> Snapshot:
        """Return a snapshot, by default the current one. Raises `NoSnapshot`, `SnapshotCorrupt` or `LakeError`."""

    @abstractmethod
    def ids(self) -> list[str]:
        """Return the ids of all snapshots, oldest first. Raises `LakeError`."""

    @abstractmethod
    def history(self) -> History:
        """Return what happened to the pointer. Raises `LakeError`."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Writer]:
        """Hold the lake for writing, and remove what a killed job left.

        Raises `LakeBusy` when another job holds it, `LakeError` when it cannot be written.
        """

    @abstractmethod
    def outcome(self) -> bytes | None:
        """Return the metrics that the last job left; None when none did. Raises `LakeError`."""

    @abstractmethod
    def leave_outcome(self, content: bytes) -> None:
        """Leave a job's metrics in place of those before, whether it held the lake or not. Raises `LakeError`."""

    @abstractmethod
    def refused(self) -> list[str]:
        """Return the ids under which refused jobs have left their reports, oldest first. Raises `LakeError`."""

    def remembered(self) -> str | None:
        """Return the id that was current when the lake could last be read, where that may still be served from."""
        return None


class Writer(ABC):
    """Adds snapshots to a lake that it holds, and removes them."""

    @abstractmethod
    def draft(self) -> AbstractContextManager[Draft]:
        """Make room for a new snapshot. What is not published when the block ends is removed."""

    def seal(self, draft: Draft, manifest: Manifest) -> Snapshot:
        """Flush the draft's files, verify every one as it now is on the disk, and write its manifest.

        The files in the manifest and those in the folder must be the same. Raises `SnapshotCorrupt`.
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
        """Move a sealed draft into its place, then make it current.

        Killed at any instant, the pointer names the snapshot of before or this one, and the one it names is whole.
        Raises `LakeError`; `LakeBusy` when another job has taken the lake over.
        """

    @abstractmethod
    def put_back(self, snapshot_id: str, *, why: str) -> None:
        """Make an earlier snapshot current; the one that was is withdrawn. Raises `LakeError` or `LakeBusy`."""

    @abstractmethod
    def keep_refused(self, draft: Draft, paths: Sequence[Path]) -> str:
        """Keep these files of a draft that is not published, and return where; the oldest beyond `MAX_REFUSED` go.

        Readers of snapshots do not see them. Raises `LakeError`, `LakeBusy` or `OSError`.
        """

    @abstractmethod
    def remove_refused(self, refused_id: str) -> None:
        """Delete what a refused job has left. Raises `LakeError`."""

    @abstractmethod
    def remove(self, snapshot_id: str) -> None:
        """Delete a snapshot that is not current; killed at any instant, no half of it is seen. Raises `LakeError`."""


def new_id(taken: Iterable[str]) -> str:
    """Return an id later than every one that was `taken`, whatever the clock says."""
    return next_id(datetime.now(UTC), latest=max(taken, default=None), suffix=secrets.randbits(16))


@contextmanager
def draft_under(folder: Path, snapshot_id: str) -> Iterator[Draft]:
    """Make the folder of a draft under `folder`, and remove what is left of it in the end."""
    path = folder / f"{TEMPORARY}{snapshot_id}-{os.getpid()}" / snapshot_id
    path.mkdir(parents=True)
    try:
        yield Draft(snapshot_id, id_time(snapshot_id), path)
    finally:
        shutil.rmtree(path.parent, ignore_errors=True)
