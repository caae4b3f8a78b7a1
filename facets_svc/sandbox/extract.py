"""Extracts the rows that one org may see into files that hold no other rows.

::

    <folder>/<present>/public/<earlier>.parquet      public rows of an earlier snapshot, for all orgs
    <folder>/<present>/own/<org>/now.parquet         the org's private rows of the current snapshot
    <folder>/<present>/own/<org>/<earlier>.parquet   the rows of an earlier snapshot that only this org sees
    <folder>/copies/<snapshot>/models/…              local copies of the files of a bucket

`<present>` is the id of the current snapshot. Its public rows need no extract: the lake has them in files of their own,
which are checked against the manifest first. All files are written under a temporary name and moved into place, so that
processes can share them. They can be made again: those beyond the limit, and of removed snapshots, are deleted.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from facets_svc import duck, sql
from facets_svc.catalogue import RECORD
from facets_svc.engine.duckdb import DuckdbEngine, open_engine
from facets_svc.errors import LakeError, Unavailable
from facets_svc.lake import Lake, Snapshot, files
from facets_svc.lake.manifest import FileEntry, id_time, is_snapshot_id
from facets_svc.lake.retention import RetainedSnapshots
from facets_svc.sandbox.messages import Files

KEPT: Final = 2
"""Number of snapshots whose extracts stay: the current one, and the one before it, which may still be in use."""

CACHE_BYTES: Final = 2 * 2**30
"""Limit of the extracts of orgs on disk, in bytes; the least recently used ones go first."""

LISTED_SECONDS: Final = 30
"""Seconds for which the list of a lake's snapshots is valid: only pruning changes it."""

OPEN_ENGINES: Final = 3
"""Engines that stay open: over the current snapshot, over an earlier one, and over the visible part of that."""

_MEMORY: Final = "512MB"
_TEMPORARY: Final = ".tmp"
_NOW: Final = "now"


@dataclass(slots=True)
class Extracts:
    """Makes extracts of the snapshots of a lake below `folder`. The methods block, and are thread-safe."""

    lake: Lake
    folder: Path
    cache_bytes: int = CACHE_BYTES
    _public_files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _listed: tuple[str, float, list[str]] = ("", 0.0, [])
    _own: OrderedDict[tuple[str, str], int] = field(default_factory=OrderedDict)
    _engines: OrderedDict[str, DuckdbEngine] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def earlier_ids(self, present: str) -> list[str]:
        """Return the ids of the snapshots before `present` that `as_of` accepts, oldest first. Raises `LakeError`."""
        return [snapshot.id for snapshot in RetainedSnapshots(self.lake).until(present) if snapshot.id != present]

    def history(self, present: str, org: str) -> tuple[Files, ...]:
        """Return the files with the rows that `org` may see, of each snapshot up to `present`, oldest first.

        Those of earlier snapshots may not exist yet. The list of snapshots is up to `LISTED_SECONDS` old. Raises
        `LakeError`.
        """
        now = self.present(present, org)
        of, at, ids = self._listed
        if of != present or time.monotonic() - at > LISTED_SECONDS:
            ids = self.earlier_ids(present)
            self._listed = (present, time.monotonic(), ids)
        return (*(self.earlier_if_there(present, org, earlier) for earlier in ids), now)

    def present(self, present: str, org: str) -> Files:
        """Return the files with the rows of the snapshot `present` that `org` may see. Raises `LakeError`."""
        public = self._public(present)
        own = self._path(present, org, _NOW)
        if not _counts_path(own).exists():
            self._tidy(present)
            self._write(own, self._engine(present).own_records(org), (*public, str(own)))
        self._use(present, org)
        return _files(present, (*public, str(own)), own)

    def earlier(self, present: str, org: str, earlier: str) -> Files:
        """Return the files with the rows of an earlier snapshot that `org` may see.

        Raises `NoSnapshot` if the snapshot was removed, `LakeError` if the rows cannot be extracted.
        """
        found = self.earlier_if_there(present, org, earlier)
        if found.are_there:
            return found
        public, own = self._public_path(present, earlier), self._path(present, org, earlier)
        seen = self._seen(present, earlier)
        if not public.exists():
            self._write(public, seen.shared_records())
        self._write(own, seen.own_records(org), (str(public), str(own)))
        return self.earlier_if_there(present, org, earlier)

    def earlier_if_there(self, present: str, org: str, earlier: str) -> Files:
        """Return the files with the rows of an earlier snapshot that `org` may see, which may not exist yet."""
        public, own = self._public_path(present, earlier), self._path(present, org, earlier)
        return _files(earlier, (str(public), str(own)), own)

    def forget(self, present: str, org: str) -> None:
        """Remove the extracts of an org, so that the next query makes them again."""
        self._own.pop((present, org), None)
        self._public_files.pop(present, None)
        shutil.rmtree(self._path(present, org, _NOW).parent, ignore_errors=True)

    def _path(self, present: str, org: str, name: str) -> Path:
        return self.folder / present / "own" / org / f"{name}.parquet"

    def _public_path(self, present: str, earlier: str) -> Path:
        return self.folder / present / "public" / f"{earlier}.parquet"

    def _engine(self, snapshot_id: str) -> DuckdbEngine:
        """Return an engine over a snapshot, to read the private rows of orgs."""

        def opened() -> DuckdbEngine:
            return open_engine(self.lake.snapshot(snapshot_id), threads=1, memory_limit=_MEMORY)

        return self._open(snapshot_id, opened)

    def _seen(self, present: str, earlier: str) -> DuckdbEngine:
        """Return an engine over an earlier snapshot that shows only the rows that may be shown of it now."""
        return self._open(
            f"{earlier} seen from {present}", lambda: self._engine(earlier).seen_from(self._engine(present))
        )

    def _open(self, key: str, make: Callable[[], DuckdbEngine]) -> DuckdbEngine:
        """Return an open engine, and drop the least recently used one, which closes when its last query ends."""
        with self._lock:
            engine = self._engines.get(key)
        if engine is None:
            engine = make()
        with self._lock:
            self._engines[key] = engine
            self._engines.move_to_end(key)
            while len(self._engines) > OPEN_ENGINES:
                self._engines.popitem(last=False)
        return engine

    def _public(self, snapshot_id: str) -> tuple[str, ...]:
        """Return the paths of the files with the public rows of a snapshot, after a check against its manifest."""
        if snapshot_id not in self._public_files:
            snapshot = self.lake.snapshot(snapshot_id)
            entries = snapshot.entries("models/")
            self._public_files[snapshot_id] = tuple(
                self._checked(snapshot, entry) for entry in entries if _is_public(entry)
            )
        return self._public_files[snapshot_id]

    def _checked(self, snapshot: Snapshot, entry: FileEntry) -> str:
        root = snapshot.path
        if snapshot.origin is not None:
            root = self.folder / "copies" / snapshot.id
            if not (root / entry.path).exists():
                with snapshot.origin.fetched(snapshot, entry) as fetched, _writing(root / entry.path) as temporary:
                    shutil.move(fetched / entry.path, temporary)
        files.check_bytes(root, entry)
        files.check_parquet(root, entry, pages=False)
        return str((root / entry.path).absolute())

    def _write(self, path: Path, rows: Iterable[pa.RecordBatch], counted: tuple[str, ...] = ()) -> None:
        """Write a file of rows, and beside it the counts of models and orgs in the files `counted`, if any."""
        with (
            duck.errors_as(LakeError, f"The cache {self.folder} cannot be written", of=OSError),
            duck.errors_as(LakeError, "The rows of the query cannot be extracted", of=(Unavailable, duckdb.Error)),
        ):
            with _writing(path) as temporary:
                files.write_parquet(temporary, RECORD, rows)
            if counted:
                with _writing(_counts_path(path)) as temporary:
                    temporary.write_text(json.dumps(_counts(counted)), encoding="ascii")

    def _use(self, present: str, org: str) -> None:
        """Mark the extracts of an org as used, and remove the least recently used ones beyond the limit."""
        folder = self._path(present, org, _NOW).parent
        with suppress(OSError):
            os.utime(folder)
            self._own[present, org] = sum(file.stat().st_size for file in folder.iterdir())
        with suppress(KeyError):
            self._own.move_to_end((present, org))
        while len(self._own) > 1 and sum(self._own.values()) > self.cache_bytes:
            (other_present, other_org), _ = self._own.popitem(last=False)
            shutil.rmtree(self._path(other_present, other_org, _NOW).parent, ignore_errors=True)

    def _tidy(self, present: str) -> None:
        """Remove the extracts of all but the last snapshots, when the first of a new one is made."""
        folder = self.folder / present
        if folder.exists():
            return
        try:
            folder.mkdir(parents=True, mode=0o700)
            self.folder.chmod(0o700)
        except OSError as error:
            raise LakeError(f"The cache {self.folder} cannot be written: {error.strerror or error}.") from None
        with suppress(OSError):
            made = [path for path in self.folder.iterdir() if is_snapshot_id(path.name)]
            made.sort(key=lambda path: (path == folder, path.stat().st_mtime))
            for path in made[:-KEPT]:
                shutil.rmtree(path, ignore_errors=True)
                self._own = OrderedDict((key, size) for key, size in self._own.items() if key[0] != path.name)
            in_use = {path.name for path in made[-KEPT:]} | set(self.earlier_ids(present)) | {present}
            for path in (self.folder / "copies").glob("*"):
                if path.name not in in_use:
                    shutil.rmtree(path, ignore_errors=True)
            self._public_files = {key: paths for key, paths in self._public_files.items() if key in in_use}


def _counts(paths: tuple[str, ...]) -> dict[str, int]:
    """Return the numbers of models and orgs in some files, as members of `Files`."""
    names = ("models", "public_models", "orgs")
    with duck.connect(threads=1, memory_limit=_MEMORY) as connection:
        row = connection.execute(sql.load("extract/counts").text, {"files": list(paths)}).fetchone()
    assert row is not None  # noqa: S101 - for the type checker: it is an aggregate
    return dict(zip(names, row, strict=True))


def _is_public(entry: FileEntry) -> bool:
    return entry.path.startswith("models/visibility=public/")


def _counts_path(path: Path) -> Path:
    return path.with_suffix(".json")


def _files(snapshot_id: str, paths: tuple[str, ...], own: Path) -> Files:
    try:
        counts = json.loads(_counts_path(own).read_bytes())
    except FileNotFoundError:
        return Files(snapshot_id=snapshot_id, created_at=id_time(snapshot_id), files=paths, are_there=False)
    return Files(snapshot_id=snapshot_id, created_at=id_time(snapshot_id), files=paths, are_there=True, **counts)


@contextmanager
def _writing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and rename the file to `path` at the end of the block."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{_TEMPORARY}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
