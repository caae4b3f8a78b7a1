"""The rows that one org may see, in files that hold nothing else.

::

    <folder>/<present>/public/<earlier>.parquet      public rows of an earlier snapshot, for everybody
    <folder>/<present>/own/<org>/now.parquet         the org's private rows, at present
    <folder>/<present>/own/<org>/<earlier>.parquet   what it alone sees of an earlier snapshot
    <folder>/copies/<snapshot>/models/…              files of a lake that does not lie in a folder

Rows that are public at present are read where the lake has them, in files of their own; they are checked against the
manifest first. Everything is made under another name and moved into place, so that several processes may share it, and
can be made again: what is too much, or of a snapshot that is gone, is removed.
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
"""Snapshots whose extracts are kept: the current one, and the one before it, which may be in use still."""

CACHE_BYTES: Final = 2 * 2**30
"""How much the extracts of orgs may take on the disk; those that were used least recently go first."""

LISTED_SECONDS: Final = 30
"""How long the list of a lake's snapshots is good for: only pruning changes it."""

OPEN_ENGINES: Final = 3
"""Engines that stay open: over the current snapshot, over an earlier one, and what may be shown of that."""

_MEMORY: Final = "512MB"
_TEMPORARY: Final = ".tmp"
_NOW: Final = "now"


@dataclass(slots=True)
class Extracts:
    """Makes extracts of the snapshots of a lake below `folder`. Its methods block; any thread may call them."""

    lake: Lake
    folder: Path
    cache_bytes: int = CACHE_BYTES
    _public_files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _listed: tuple[str, float, list[str]] = ("", 0.0, [])
    _own: OrderedDict[tuple[str, str], int] = field(default_factory=OrderedDict)
    _engines: OrderedDict[str, DuckdbEngine] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def earlier_ids(self, present: str) -> list[str]:
        """Return the ids of the snapshots before `present` that may be asked, oldest first. Raises `LakeError`.

        They are those that `as_of` may ask, too.
        """
        return [snapshot.id for snapshot in RetainedSnapshots(self.lake).until(present) if snapshot.id != present]

    def history(self, present: str, org: str) -> tuple[Files, ...]:
        """Return the rows that `org` may see, of each snapshot up to `present`, which is the last. Raises `LakeError`.

        Those of earlier snapshots need not be there yet. Which there are is looked up every `LISTED_SECONDS`.
        """
        now = self.present(present, org)
        of, at, ids = self._listed
        if of != present or time.monotonic() - at > LISTED_SECONDS:
            ids = self.earlier_ids(present)
            self._listed = (present, time.monotonic(), ids)
        return (*(self.earlier_if_there(present, org, earlier) for earlier in ids), now)

    def present(self, present: str, org: str) -> Files:
        """Return the rows of the snapshot `present` that `org` may see. Raises `LakeError`."""
        public = self._public(present)
        own = self._path(present, org, _NOW)
        if not _counts_path(own).exists():
            self._tidy(present)
            self._write(own, self._engine(present).own_records(org), (*public, str(own)))
        self._use(present, org)
        return _files(present, (*public, str(own)), own)

    def earlier(self, present: str, org: str, earlier: str) -> Files:
        """Return what `org` may see of an earlier snapshot. Raises `LakeError`; `NoSnapshot` for one that is gone."""
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
        """Return where the rows of an earlier snapshot are, or will be when they are made."""
        public, own = self._public_path(present, earlier), self._path(present, org, earlier)
        return _files(earlier, (str(public), str(own)), own)

    def forget(self, present: str, org: str) -> None:
        """Remove what was made for an org; it is made again when it is asked for."""
        self._own.pop((present, org), None)
        self._public_files.pop(present, None)
        shutil.rmtree(self._path(present, org, _NOW).parent, ignore_errors=True)

    def _path(self, present: str, org: str, name: str) -> Path:
        return self.folder / present / "own" / org / f"{name}.parquet"

    def _public_path(self, present: str, earlier: str) -> Path:
        return self.folder / present / "public" / f"{earlier}.parquet"

    def _engine(self, snapshot_id: str) -> DuckdbEngine:
        """Return an engine over a snapshot, which reads an org's private rows and no others."""

        def opened() -> DuckdbEngine:
            return open_engine(self.lake.snapshot(snapshot_id), threads=1, memory_limit=_MEMORY)

        return self._open(snapshot_id, opened)

    def _seen(self, present: str, earlier: str) -> DuckdbEngine:
        """Return an engine over an earlier snapshot that shows the rows that may be shown of it now."""
        return self._open(
            f"{earlier} seen from {present}", lambda: self._engine(earlier).seen_from(self._engine(present))
        )

    def _open(self, key: str, make: Callable[[], DuckdbEngine]) -> DuckdbEngine:
        """Return an open engine, and let go of the one that was used least recently: it closes when nobody uses it."""
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
        """Write a file of rows, and beside it, if files are to be `counted` with it, what they hold together."""
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
        """Note that an org's extract is used, and remove those that were not for longest, if all take too much."""
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
        """Remove what was made for snapshots that have not been current for long, once there is a new one."""
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
    """Count the models and orgs in files that hold what one org may see."""
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
    """Lend a name beside `path`, and move what is written there into its place, all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{_TEMPORARY}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
