"""A lake in a folder of the local file system."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from facets_svc.errors import LakeBusy, LakeError, NoSnapshot, SnapshotCorrupt
from facets_svc.lake import files
from facets_svc.lake.manifest import Manifest, encode, id_time, is_snapshot_id, next_id
from facets_svc.lake.snapshot import MANIFEST, Snapshot

_CURRENT: Final = "CURRENT"
_LOCK: Final = "LOCK"
_SNAPSHOTS: Final = "snapshots"
_TEMPORARY: Final = "tmp-"


class Lake:
    """Reads the snapshots of one lake; `writing` gives a `Writer` that adds to them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def open(cls, location: str) -> Lake:
        """Return the lake at `location`, a folder that need not exist yet. Raises `LakeError` for another kind."""
        scheme, separator, _ = location.partition("://")
        if separator:
            raise LakeError(f"A lake is a folder: there is no support for {scheme}:// yet.")
        return cls(Path(location))

    def current(self) -> str | None:
        """Return the id of the snapshot in force; None when there is none yet. Raises `LakeError`."""
        try:
            text = (self.root / _CURRENT).read_bytes().decode("ascii", errors="replace").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LakeError(f"{self.root / _CURRENT} cannot be read: {error.strerror}.") from None
        if not is_snapshot_id(text):
            raise LakeError(f"{self.root / _CURRENT} does not name a snapshot: {text[:80]!r}.")
        return text

    def snapshot(self, snapshot_id: str | None = None) -> Snapshot:
        """Return a snapshot, by default the one in force. Raises `NoSnapshot` or `SnapshotCorrupt`."""
        if snapshot_id is None:
            snapshot_id = self.current()
            if snapshot_id is None:
                raise NoSnapshot(f"The lake {self.root} holds no snapshot yet; `facets-svc sync` makes one.")
        path = self.root / _SNAPSHOTS / snapshot_id
        if not is_snapshot_id(snapshot_id) or not path.is_dir():
            raise NoSnapshot(f"The lake {self.root} has no snapshot {snapshot_id!r}.")
        snapshot = Snapshot.read(path)
        if snapshot.id != snapshot_id:
            raise SnapshotCorrupt(f"The snapshot {snapshot_id} is corrupt: it says that it is {snapshot.id}.")
        return snapshot

    def ids(self) -> list[str]:
        """Return the ids of all snapshots, oldest first."""
        try:
            names = os.listdir(self.root / _SNAPSHOTS)  # noqa: PTH208 - names are all that is wanted
        except FileNotFoundError:
            return []
        except OSError as error:
            raise LakeError(f"{self.root / _SNAPSHOTS} cannot be read: {error.strerror}.") from None
        return sorted(name for name in names if is_snapshot_id(name))

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Hold the lake for writing; make its folders, and remove what a killed job left.

        Raises `LakeBusy` when another job holds it, `LakeError` when it cannot be written.
        """
        try:
            (self.root / _SNAPSHOTS).mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise LakeError(f"The lake {self.root} cannot be written: {error.strerror}.") from None
        try:
            # The kernel lets go of the lock when the process ends, however it ends.
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(descriptor, 100, 0).decode("ascii", errors="replace").strip()
                raise LakeBusy(f"Another job holds the lake {self.root}: {holder or 'it gave no name'}.") from None
            try:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
                self._sweep()
            except OSError as error:
                raise LakeError(f"The lake {self.root} cannot be written: {error.strerror}.") from None
            yield Writer(self)
        finally:
            os.close(descriptor)

    def _sweep(self) -> None:
        for path in self.root.iterdir():
            if path.name.startswith(_TEMPORARY) and path.is_dir():
                shutil.rmtree(path)
        (self.root / f"{_CURRENT}.tmp").unlink(missing_ok=True)


@dataclass(slots=True)
class Draft:
    """A snapshot being written: its id and time, and the folder that holds it until it is published."""

    id: str
    created_at: datetime
    path: Path


class Writer:
    """Adds snapshots to a lake that it holds."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    @contextmanager
    def draft(self) -> Iterator[Draft]:
        """Make room for a new snapshot. What is not published when the block ends is removed."""
        latest = self._lake.ids()[-1:]
        snapshot_id = next_id(datetime.now(UTC), latest=latest[0] if latest else None, suffix=secrets.randbits(16))
        path = self._lake.root / f"{_TEMPORARY}{snapshot_id}-{os.getpid()}" / snapshot_id
        path.mkdir(parents=True)
        try:
            yield Draft(snapshot_id, id_time(snapshot_id), path)
        finally:
            shutil.rmtree(path.parent, ignore_errors=True)

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

    def publish(self, snapshot: Snapshot) -> Snapshot:
        """Move a sealed draft into its place, then put it in force.

        Killed at any instant, `CURRENT` names the snapshot of before or this one, and the one it names is whole.
        """
        root = self._lake.root
        place = root / _SNAPSHOTS / snapshot.id
        snapshot.path.rename(place)
        files.sync_folder(place.parent)
        files.write_durably(root / _CURRENT, f"{snapshot.id}\n".encode())
        return Snapshot(place, snapshot.manifest)
