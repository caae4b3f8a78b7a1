"""A lake in a bucket.

::

    CURRENT                 the id of the current snapshot (`-`: none yet), and a token that is unique to the write
    LEASE                   the holder of the lock, and when it expires
    journal/<change>.json   one object per change of the current snapshot; a publication has the id of its snapshot
    unfinished/<id>         marks a snapshot that is being uploaded or removed; the next job removes its leftovers
    OUTCOME.prom            the metrics of the last job that wrote them
    snapshots/<id>/…        the files of a snapshot, as in a folder; the manifest is uploaded last
    refused/<id>/…          the report and the rejected rows of a job that a guard refused

A job makes and verifies a snapshot locally, uploads it, reads it back, and names it in `CURRENT` last, on condition
that `CURRENT` still has the token that this job wrote when it began. Every job first rewrites `CURRENT` (the same id, a
new token): from then on, the writes of an earlier job that lost its lease unnoticed fail. No guarantee depends on
clocks.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from facets_svc.errors import LakeBusy, LakeError, NoSnapshot, SnapshotCorrupt
from facets_svc.lake import files, journal, lease
from facets_svc.lake.base import MAX_REFUSED, OUTCOME, REFUSED, Draft, Lake, Writer, draft_under, new_id
from facets_svc.lake.cache import Cache
from facets_svc.lake.journal import Change, History
from facets_svc.lake.lease import Lease
from facets_svc.lake.manifest import FileEntry, decode, encode, is_snapshot_id
from facets_svc.lake.objects import Objects, Taken, Unreachable, Version
from facets_svc.lake.snapshot import MANIFEST, Snapshot

_CURRENT: Final = "CURRENT"
_NOTHING: Final = "-"
_TRIES: Final = 5


def user_cache() -> Path:
    """Return the default folder for local copies, in the user's cache folder (XDG)."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if given.startswith("/") else Path.home() / ".cache") / "facets-svc"


class BucketLake(Lake):
    """A lake below `s3://bucket/prefix`. Reading a file copies it to the folder `cache`."""

    schemes = ("s3", "gs", "az")

    def __init__(self, objects: Objects, cache: Path, *, lease_seconds: float = lease.SECONDS) -> None:
        self.objects = objects
        self.location = objects.location
        self.cache = Cache(cache, objects.location)
        self.lease_seconds = lease_seconds
        self._seen_current: str | None = None

    @classmethod
    def at(cls, location: str, *, cache: Path | None = None) -> Self:
        """Return the lake at `location`. Raises `SettingsError` if the location is invalid."""
        return cls(Objects(location), cache or user_cache())

    def current(self) -> str | None:
        """Return the id of the current snapshot; None if there is none yet. Raises `LakeError`."""
        found = self.objects.get(_CURRENT)
        current = None if found is None else self.named(found[0])
        self._seen_current = current
        self.cache.remember(current)
        return current

    def named(self, content: bytes) -> str | None:
        """Return the id in the content of `CURRENT`; None if there is none yet. Raises `LakeError` if it is damaged."""
        name = content.decode("ascii", errors="replace").partition("\n")[0].strip()
        if name == _NOTHING:
            return None
        if not is_snapshot_id(name):
            raise LakeError(f"{self.location}/{_CURRENT} does not name a snapshot: {name[:80]!r}.")
        return name

    def remembered(self) -> str | None:
        """Return the id of the last known current snapshot, if it is recent; else None."""
        return self.cache.remembered()

    def snapshot(self, snapshot_id: str | None = None) -> Snapshot:
        """Return a snapshot, by default the current one. Raises `NoSnapshot`, `SnapshotCorrupt` or `LakeError`.

        While the bucket is unreachable, a local copy of the manifest will do: manifests never change.
        """
        if snapshot_id is None:
            snapshot_id = self.current()
            if snapshot_id is None:
                raise NoSnapshot(f"The lake {self.location} has no snapshot yet. Run `facets-svc sync`.")
        if not is_snapshot_id(snapshot_id):
            raise NoSnapshot(f"The lake {self.location} has no snapshot {snapshot_id[:80]!r}.")
        try:
            manifest = decode(self._manifest(snapshot_id))
        except SnapshotCorrupt as error:
            raise SnapshotCorrupt(f"The snapshot {snapshot_id} is corrupt: {error}") from None
        if manifest.id != snapshot_id:
            raise SnapshotCorrupt(f"The snapshot {snapshot_id} is corrupt: its manifest names {manifest.id}.")
        return Snapshot(self.cache.folder(snapshot_id), manifest, self)

    def _manifest(self, snapshot_id: str) -> bytes:
        try:
            found = self.objects.get(_key(snapshot_id, MANIFEST))
        except Unreachable:
            with suppress(OSError):
                return (self.cache.folder(snapshot_id) / MANIFEST).read_bytes()
            raise
        if found is None:
            raise NoSnapshot(f"The lake {self.location} has no snapshot {snapshot_id!r}.")
        return found[0]

    def ids(self) -> list[str]:
        """Return the ids of all snapshots, oldest first."""
        folders = self.objects.folders("snapshots/")  # first, so that a snapshot that is finished meanwhile counts
        unfinished = set(self.unfinished())
        if unfinished:
            unfinished.discard(self.current() or "")  # its job was killed before it removed the mark
        return [name for name in folders if is_snapshot_id(name) and name not in unfinished]

    def unfinished(self) -> list[str]:
        """Return the ids of snapshots that a job is uploading or removing, or was when it was killed."""
        return [key.rpartition("/")[2] for key in self.objects.keys("unfinished/")]

    def history(self) -> History:
        """Return the history of the current snapshot. Raises `LakeError`."""
        keys = self.objects.keys("journal/")
        with ThreadPoolExecutor(8, thread_name_prefix="facets-journal") as threads:
            found = list(threads.map(self.objects.get, keys))
        entries = [change for entry in found if entry is not None for change in journal.decode(entry[0])]
        return History.of(entries, current=self.current())

    def taken(self) -> set[str]:
        """Return all ids that are or were in use."""
        changes = (key.rpartition("/")[2].removesuffix(".json") for key in self.objects.keys("journal/"))
        found = (*self.objects.folders("snapshots/"), *self.refused(), *self.unfinished(), *changes)
        return {one for one in found if is_snapshot_id(one)}

    def outcome(self) -> bytes | None:
        """Return the metrics of the last job; None if no job wrote any. Raises `LakeError`."""
        found = self.objects.get(OUTCOME)
        return None if found is None else found[0]

    def leave_outcome(self, content: bytes) -> None:
        """Replace the metrics of the last job. Needs no lock. Raises `LakeError`."""
        self.objects.put(OUTCOME, content)

    def refused(self) -> list[str]:
        """Return the ids of refused jobs with a report, oldest first. Raises `LakeError`."""
        return [name for name in self.objects.folders(f"{REFUSED}/") if is_snapshot_id(name)]

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Lock the lake for writing, and remove the leftovers of killed jobs.

        Raises `LakeBusy` if another job holds the lock, `LakeError` if the lake cannot be written.
        """
        with Lease(self.objects, seconds=self.lease_seconds) as held:
            writer = BucketWriter(self, held)
            writer.begin()
            yield writer

    def root(self, snapshot: Snapshot, entry: FileEntry) -> Path:
        """Return the folder below which the file is, after copying it if necessary.

        The copy of an index stays in the cache; the copy of another file goes with this process.
        """
        served = entry.path.startswith("index/")
        root = snapshot.path if served else self.cache.work() / "files" / snapshot.id
        if not (root / entry.path).is_file():
            self._copy(snapshot, entry, root)
            if served:
                self._keep(snapshot)
        return root

    def _keep(self, snapshot: Snapshot) -> None:
        path = snapshot.path / MANIFEST
        if not path.is_file():
            temporary = path.with_name(f"{MANIFEST}-{secrets.token_hex(4)}")
            temporary.write_bytes(encode(snapshot.manifest))
            temporary.rename(path)
        self.cache.keep(snapshot.id, current=self._seen_current)
        if snapshot.id == self._seen_current:
            self.cache.remember(snapshot.id)

    def _copy(self, snapshot: Snapshot, entry: FileEntry, root: Path) -> None:
        try:
            with self.fetched(snapshot, entry) as fetched:
                (root / entry.path).parent.mkdir(parents=True, exist_ok=True)
                (fetched / entry.path).rename(root / entry.path)
        except OSError as error:
            raise LakeError(f"The cache {self.cache.root} cannot be written: {error.strerror or error}.") from None

    @contextmanager
    def fetched(self, snapshot: Snapshot, entry: FileEntry) -> Iterator[Path]:
        """Copy the file, check its bytes, yield the folder below which the copy is, and remove the copy."""
        try:
            root = Path(tempfile.mkdtemp(dir=self.cache.work()))
        except OSError as error:
            raise LakeError(f"The cache {self.cache.root} cannot be written: {error.strerror or error}.") from None
        try:
            path = root / entry.path
            path.parent.mkdir(parents=True, exist_ok=True)
            self.objects.download(_key(snapshot.id, entry.path), path, entry.bytes)
            files.check_bytes(root, entry)
            yield root
        except SnapshotCorrupt as error:
            reason = str(error).replace(_key(snapshot.id, ""), "")
            raise SnapshotCorrupt(reason) from None
        finally:
            shutil.rmtree(root, ignore_errors=True)

    def forget(self, snapshot: Snapshot, entry: FileEntry) -> None:
        """Remove the local copy of the file."""
        (snapshot.path / entry.path).unlink(missing_ok=True)


class BucketWriter(Writer):
    """Adds and removes the snapshots of a lake in a bucket, whose lease it holds."""

    def __init__(self, lake: BucketLake, held: Lease) -> None:
        self._lake = lake
        self._objects = lake.objects
        self._lease = held
        self._version: Version | None = None
        self._current: str | None = None
        self._unsure: str | None = None

    def begin(self) -> None:
        """Shut out all earlier jobs, and remove their leftovers."""
        self._shut_out()
        self._sweep()

    def _shut_out(self) -> None:
        """Rewrite `CURRENT` with the same id and a new token: jobs that read it before can no longer change it."""
        for _ in range(_TRIES):
            self._lease.check()
            found = self._objects.get(_CURRENT)
            self._current = None
            if found is not None:
                with suppress(LakeError):  # a damaged pointer is replaced
                    self._current = self._lake.named(found[0])
            with suppress(Taken):
                self._version = self._objects.put_if(
                    _CURRENT, _pointer(self._current), None if found is None else found[1]
                )
                return
        raise LakeBusy(f"Other jobs are writing to the lake {self._lake.location} now. Retry later.")

    def _sweep(self) -> None:
        unfinished = self._lake.unfinished()
        if not unfinished:
            return
        finished = self._lake.history().was_current() | {self._current}
        for snapshot_id in unfinished:
            found = self._objects.get(f"unfinished/{snapshot_id}")
            being_removed = found is not None and found[0].startswith(b"remove")
            doomed = snapshot_id != self._current and (snapshot_id not in finished or being_removed)
            if is_snapshot_id(snapshot_id) and doomed:
                self._discard(snapshot_id)
            else:
                self._objects.delete([f"unfinished/{snapshot_id}"])

    def _discard(self, snapshot_id: str) -> None:
        if snapshot_id == self._current:
            return
        keys = self._objects.keys(_key(snapshot_id, ""))
        keys.sort(key=lambda key: not key.endswith(f"/{MANIFEST}"))
        self._objects.delete([*keys, f"unfinished/{snapshot_id}"])

    @contextmanager
    def draft(self) -> Iterator[Draft]:
        """Create a draft with an empty local folder; unless it is published, the end of the block removes it."""
        snapshot_id = self._claimed()
        published = False
        try:
            with draft_under(self._lake.cache.work(), snapshot_id) as draft:
                yield draft
        finally:
            published = snapshot_id in {self._current, self._unsure}
            if not published:
                with suppress(LakeError, Taken):  # the next job does it
                    self._discard(snapshot_id)

    def _claimed(self) -> str:
        taken = self._lake.taken()
        for _ in range(_TRIES):
            snapshot_id = new_id(taken)
            with suppress(Taken):
                self._objects.put_if(f"unfinished/{snapshot_id}", _mark("upload"), None)
                return snapshot_id
            taken.add(snapshot_id)
        raise LakeBusy(f"Other jobs are writing to the lake {self._lake.location} now. Retry later.")

    def publish(self, snapshot: Snapshot) -> Snapshot:
        """Upload a sealed draft, read it back, make it current, and return it.

        If the process is killed at any moment, `CURRENT` names the snapshot before or this one, complete. Raises
        `LakeBusy` if another job has taken over the lease, `LakeError` if the bucket fails.
        """
        for entry in snapshot.entries():
            self._lease.check()
            key = _key(snapshot.id, entry.path)
            self._objects.upload(key, snapshot.path / entry.path)
            if self._objects.sha256(key, entry.bytes) != entry.sha256:
                raise SnapshotCorrupt(
                    f"{entry.path} was damaged on its way to the lake {self._lake.location}. Run the job again."
                )
        manifest = encode(snapshot.manifest)
        try:
            self._objects.put_if(_key(snapshot.id, MANIFEST), manifest, None)
        except Taken:
            raise LakeError(f"The lake {self._lake.location} already has a snapshot {snapshot.id}.") from None
        self._move(snapshot.id, journal.change_to(snapshot.id, previous=self._current), change_id=snapshot.id)
        with suppress(LakeError):  # the next job does it
            self._objects.delete([f"unfinished/{snapshot.id}"])
        return Snapshot(self._lake.cache.folder(snapshot.id), snapshot.manifest, self._lake)

    def put_back(self, snapshot_id: str, *, why: str) -> None:
        """Make an earlier snapshot current, and withdraw the current one. Raises `LakeError` or `LakeBusy`."""
        change = journal.change_to(snapshot_id, previous=self._current, action="rollback", why=why)
        self._move(snapshot_id, change, change_id=new_id(self._lake.taken()))

    def remove(self, snapshot_id: str) -> None:
        """Delete a snapshot. If the process is killed, readers see all of it or nothing.

        Raises `LakeError` if it is current or cannot be deleted, `LakeBusy` if another job has taken over the lease.
        """
        self._lease.check()
        if snapshot_id == self._current:
            raise LakeError(f"The snapshot {snapshot_id} is current.")
        mark = f"unfinished/{snapshot_id}"
        self._objects.put(mark, _mark("remove"))
        # A job that takes over after this read finds the mark, and finishes the removal first. A job that took over
        # before may be making this snapshot current.
        found = self._objects.get(_CURRENT)
        if found is None or found[1] != self._version:
            self._objects.delete([mark])
            raise LakeBusy(f"Another job has taken the lake {self._lake.location} over; {snapshot_id} was not removed.")
        self._discard(snapshot_id)

    def keep_refused(self, draft: Draft, paths: Sequence[Path]) -> str:
        """Store these files of an unpublished draft, return their location, and remove the oldest refused jobs."""
        for path in paths:
            self._lease.check()
            self._objects.upload(f"{REFUSED}/{draft.id}/{path.name}", path)
        for refused_id in self._lake.refused()[:-MAX_REFUSED]:
            self.remove_refused(refused_id)
        return f"{self._lake.location}/{REFUSED}/{draft.id}"

    def remove_refused(self, refused_id: str) -> None:
        """Delete the files of a refused job. Raises `LakeError`."""
        self._lease.check()
        self._objects.delete(self._objects.keys(f"{REFUSED}/{refused_id}/"))

    def _move(self, snapshot_id: str, change: Change, *, change_id: str) -> None:
        """Add the change to the journal, and write `CURRENT` on condition that it still has this job's token."""
        self._lease.check()
        lost = LakeBusy(
            f"Another job has taken the lake {self._lake.location} over; the snapshot {snapshot_id} is not current."
        )
        try:
            self._objects.put_if(f"journal/{change_id}.json", journal.encode(change), None)
            self._lease.check()
            self._version = self._objects.put_if(_CURRENT, _pointer(snapshot_id), self._version)
        except Taken:
            raise lost from None
        except Unreachable:
            # The write may still arrive. Rewriting the pointer makes that impossible, and shows whether it has.
            self._unsure = snapshot_id
            try:
                self._shut_out()
            except (LakeError, LakeBusy):
                raise LakeError(
                    f"The lake {self._lake.location} was unreachable while {snapshot_id} became current. "
                    "`facets-svc snapshots list` shows whether it is current."
                ) from None
            self._unsure = None
            if self._current != snapshot_id:
                raise
        self._current = snapshot_id


def _key(snapshot_id: str, path: str) -> str:
    return f"snapshots/{snapshot_id}/{path}"


def _pointer(snapshot_id: str | None) -> bytes:
    return f"{snapshot_id or _NOTHING}\n{secrets.token_hex(8)}\n".encode()


def _mark(what: str) -> bytes:
    return f"{what} by {journal.holder()} {secrets.token_hex(4)}\n".encode()
