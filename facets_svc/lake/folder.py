"""A lake in a folder of the local file system."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from facets_svc.errors import LakeBusy, LakeError, NoSnapshot, SnapshotCorrupt
from facets_svc.lake import files, journal
from facets_svc.lake.base import MAX_REFUSED, OUTCOME, REFUSED, TEMPORARY, Draft, Lake, Writer, draft_under, new_id
from facets_svc.lake.journal import Change, History
from facets_svc.lake.manifest import is_snapshot_id
from facets_svc.lake.snapshot import Snapshot

__all__ = ["Draft", "FolderLake", "Lake", "Writer"]

_CURRENT: Final = "CURRENT"
_JOURNAL: Final = "JOURNAL"
_LOCK: Final = "LOCK"
_SNAPSHOTS: Final = "snapshots"


class FolderLake(Lake):
    """A lake below the folder `root`."""

    schemes = ("",)

    def __init__(self, root: Path) -> None:
        self.root = root
        self.location = str(root)

    @classmethod
    def at(cls, location: str, *, cache: Path | None = None) -> Self:
        """Return the lake in the folder `location`, which may not exist yet. Raises `LakeError` for a path with `?`."""
        del cache  # all files are local
        if "?" in str(Path(location).absolute()):
            raise LakeError(
                f"The lake {location} cannot be in a folder with a question mark in its path, because DuckDB cannot "
                "write there. Choose another folder."
            )
        return cls(Path(location))

    def current(self) -> str | None:
        """Return the id of the current snapshot; None if there is none yet. Raises `LakeError`."""
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
        """Return a snapshot, by default the current one. Raises `NoSnapshot` or `SnapshotCorrupt`."""
        if snapshot_id is None:
            snapshot_id = self.current()
            if snapshot_id is None:
                raise NoSnapshot(f"The lake {self.root} has no snapshot yet. Run `facets-svc sync`.")
        path = self.place(snapshot_id)
        if not is_snapshot_id(snapshot_id) or not path.is_dir():
            raise NoSnapshot(f"The lake {self.root} has no snapshot {snapshot_id!r}.")
        snapshot = Snapshot.read(path)
        if snapshot.id != snapshot_id:
            raise SnapshotCorrupt(f"The snapshot {snapshot_id} is corrupt: its manifest names {snapshot.id}.")
        return snapshot

    def place(self, snapshot_id: str) -> Path:
        """Return the folder of a snapshot."""
        return self.root / _SNAPSHOTS / snapshot_id

    def ids(self) -> list[str]:
        """Return the ids of all snapshots, oldest first."""
        return self._ids_in(_SNAPSHOTS)

    def refused(self) -> list[str]:
        """Return the ids of refused jobs with a report, oldest first. Raises `LakeError`."""
        return self._ids_in(REFUSED)

    def _ids_in(self, folder: str) -> list[str]:
        try:
            names = os.listdir(self.root / folder)  # noqa: PTH208 - only the names are needed
        except FileNotFoundError:
            return []
        except OSError as error:
            raise LakeError(f"{self.root / folder} cannot be read: {error.strerror}.") from None
        return sorted(name for name in names if is_snapshot_id(name))

    def history(self) -> History:
        """Return the history of the current snapshot. Raises `LakeError`."""
        return History.of(self.entries(), current=self.current())

    def entries(self) -> list[Change]:
        """Return all entries of the journal, oldest first, with those that did not happen. Raises `LakeError`."""
        return journal.decode(self._journal())

    def _journal(self) -> bytes:
        try:
            return (self.root / _JOURNAL).read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise LakeError(f"{self.root / _JOURNAL} cannot be read: {error.strerror}.") from None

    def outcome(self) -> bytes | None:
        """Return the metrics of the last job; None if no job wrote any. Raises `LakeError`."""
        try:
            return (self.root / OUTCOME).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LakeError(f"{self.root / OUTCOME} cannot be read: {error.strerror}.") from None

    def leave_outcome(self, content: bytes) -> None:
        """Replace the metrics of the last job. Needs no lock. Raises `LakeError`."""
        temporary = self.root / f".{OUTCOME}.{os.getpid()}"  # two jobs may write theirs at the same time
        try:
            try:
                temporary.write_bytes(content)
                temporary.replace(self.root / OUTCOME)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise LakeError(f"{self.root / OUTCOME} cannot be written: {error.strerror}.") from None

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Lock the lake for writing, create its folders, and remove the leftovers of killed jobs.

        Raises `LakeBusy` if another job holds the lock, `LakeError` if the lake cannot be written.
        """
        try:
            files.make_folder(self.root / _SNAPSHOTS)
            descriptor = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise LakeError(f"The lake {self.root} cannot be written: {error.strerror}.") from None
        try:
            with self._written():
                # The kernel releases the lock when the process ends, even if it is killed.
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    name = os.pread(descriptor, 100, 0).decode("ascii", errors="replace").strip()
                    raise LakeBusy(f"Another job holds the lake {self.root}: {name or 'it gave no name'}.") from None
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{journal.holder()}\n".encode(), 0)
                self._sweep()
            yield FolderWriter(self)
        finally:
            os.close(descriptor)

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LakeError(f"The lake {self.root} cannot be written: {error.strerror or error}.") from error

    def _sweep(self) -> None:
        for path in self.root.iterdir():
            if path.name.startswith(TEMPORARY) and path.is_dir():
                shutil.rmtree(path)
        (self.root / f"{_CURRENT}.tmp").unlink(missing_ok=True)
        with suppress(LakeError):
            left = journal.unfinished(self._journal(), current=self.current())
            if left is not None:
                self.discard(left)

    def discard(self, snapshot_id: str) -> None:
        """Delete a snapshot, after a rename, so that readers never see a part of it. Raises `OSError`."""
        doomed = self.root / f"{TEMPORARY}{snapshot_id}-{os.getpid()}-removed"
        try:
            self.place(snapshot_id).rename(doomed)
        except FileNotFoundError:
            return
        files.sync_folder(self.root / _SNAPSHOTS)
        shutil.rmtree(doomed)

    def enter(self, change: Change) -> None:
        """Add an entry to the journal, and flush it to the disk. Raises `OSError`."""
        path = self.root / _JOURNAL
        line = journal.encode(change)
        is_new = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line  # the last writer was killed in the middle of a line
            while line:
                line = line[os.write(descriptor, line) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            files.sync_folder(self.root)

    def point_to(self, snapshot_id: str) -> None:
        """Make a snapshot current, atomically. Raises `OSError`."""
        files.write_durably(self.root / _CURRENT, f"{snapshot_id}\n".encode())


class FolderWriter(Writer):
    """Adds and removes the snapshots of a lake in a folder, whose lock it holds."""

    def __init__(self, lake: FolderLake) -> None:
        self._lake = lake

    def draft(self) -> AbstractContextManager[Draft]:
        """Create a draft with an empty folder; unless it is published, the end of the block removes it."""
        taken = {*self._lake.ids(), *self._lake.refused(), *(change.id for change in self._lake.entries())}
        return draft_under(self._lake.root, new_id(taken))

    def publish(self, snapshot: Snapshot) -> Snapshot:
        """Move a sealed draft into place, make it current, and return it.

        If the process is killed at any moment, `CURRENT` names the snapshot before or this one, complete. After an
        error the draft is not published, unless `CURRENT` was written before the error: then the `LakeError` says so.
        """
        place = self._lake.place(snapshot.id)
        try:
            self._lake.enter(journal.change_to(snapshot.id, previous=self._current()))
            snapshot.path.rename(place)
            files.sync_folder(place.parent)
            self._lake.point_to(snapshot.id)
        except BaseException as error:
            self._report_if_current(snapshot.id, error)
            with suppress(OSError):
                place.rename(snapshot.path)
            raise
        return Snapshot(place, snapshot.manifest)

    def put_back(self, snapshot_id: str, *, why: str) -> None:
        """Make an earlier snapshot current, and withdraw the current one. Raises `LakeError`."""
        with self._lake._written():  # noqa: SLF001 - both classes are in this module
            change = journal.change_to(snapshot_id, previous=self._current(), action="rollback", why=why)
            self._lake.enter(change)
            try:
                self._lake.point_to(snapshot_id)
            except OSError as error:
                self._report_if_current(snapshot_id, error)
                raise

    def remove(self, snapshot_id: str) -> None:
        """Delete a snapshot. If the process is killed, readers see all of it or nothing.

        Raises `LakeError` if it is current or cannot be deleted.
        """
        if snapshot_id == self._lake.current():
            raise LakeError(f"The snapshot {snapshot_id} is current.")
        with self._lake._written():  # noqa: SLF001 - both classes are in this module
            self._lake.discard(snapshot_id)

    def keep_refused(self, draft: Draft, paths: Sequence[Path]) -> str:
        """Store these files of an unpublished draft, return their location, and remove the oldest refused jobs."""
        folder = draft.path.with_name(REFUSED)
        folder.mkdir()
        for path in paths:
            path.rename(folder / path.name)
        place = self._lake.root / REFUSED / draft.id
        place.parent.mkdir(exist_ok=True)
        folder.rename(place)
        for refused_id in self._lake.refused()[:-MAX_REFUSED]:
            self.remove_refused(refused_id)
        return str(place)

    def remove_refused(self, refused_id: str) -> None:
        """Delete the files of a refused job. Raises `LakeError`."""
        with self._lake._written():  # noqa: SLF001 - both classes are in this module
            shutil.rmtree(self._lake.root / REFUSED / refused_id)

    def _current(self) -> str | None:
        try:
            return self._lake.current()
        except LakeError:
            return None  # a damaged pointer is about to be replaced

    def _report_if_current(self, snapshot_id: str, error: BaseException) -> None:
        """Raise an error if the pointer was written before `error` occurred."""
        if self._current() != snapshot_id:
            return
        if not isinstance(error, OSError):
            raise error
        raise LakeError(
            f"The snapshot {snapshot_id} is current, but a crash may lose that: {error.strerror or error}."
        ) from error
