"""One snapshot, for reading."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol, Self

from facets_svc.errors import LakeError, SnapshotCorrupt
from facets_svc.lake import files
from facets_svc.lake.manifest import FORMAT, FileEntry, Manifest, decode, wrong_format

MANIFEST: Final = "manifest.json"

INDEX: Final = "index/index.duckdb"
"""The file that the service answers from: tables that the job has made from the records."""

CLUSTER: Final = "cluster/"
"""The folder of the same tables as Parquet, which a cluster reads: one folder a table. Not every snapshot has it."""


def pattern(file: str | Path) -> str:
    """Return the glob that matches this file only: DuckDB takes every path of a Parquet file for a glob.

    >>> pattern("/lakes/a?b/part-0.parquet")
    '/lakes/a[?]b/part-0.parquet'
    """
    return glob.escape(str(file))


class Origin(Protocol):
    """Where the files of a snapshot come from that does not lie in a local folder."""

    def root(self, snapshot: Snapshot, entry: FileEntry) -> Path:
        """Return the folder under which the file now lies; it is copied if it was not there.

        Raises `SnapshotCorrupt` when what was copied is not what was entered, `LakeError` when it cannot be.
        """

    def fetched(self, snapshot: Snapshot, entry: FileEntry) -> AbstractContextManager[Path]:
        """Copy the file afresh, lend the folder under which it lies, and remove it again."""

    def forget(self, snapshot: Snapshot, entry: FileEntry) -> None:
        """Remove the copy of the file."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot in a folder of its own: where it lies, and what its manifest says.

    The files of a snapshot with an `origin` are copied when they are asked for.
    """

    path: Path
    manifest: Manifest
    origin: Origin | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the manifest of the snapshot at `path`.

        Raises `SnapshotCorrupt` when there is none, or when it is not as it was written or belongs to another snapshot.
        """
        try:
            manifest = decode((path / MANIFEST).read_bytes())
        except FileNotFoundError:
            raise SnapshotCorrupt(f"The snapshot {path.name} has no {MANIFEST}.") from None
        except OSError as error:
            raise LakeError(f"The manifest of the snapshot {path.name} cannot be read: {error.strerror}.") from None
        except SnapshotCorrupt as error:
            raise SnapshotCorrupt(f"The snapshot {path.name} is corrupt: {error}") from None
        return cls(path, manifest)

    @property
    def id(self) -> str:
        """The id, which is also the folder's name."""
        return self.manifest.id

    @property
    def created_at(self) -> datetime:
        """When the snapshot was made, in UTC."""
        return self.manifest.created_at

    def entries(self, folder: str = "") -> list[FileEntry]:
        """Return the manifest's entries under `folder` (`index/`, `models/`; all by default), in its order."""
        return [entry for entry in self.manifest.files if entry.path.startswith(folder)]

    def file(self, path: str) -> Path:
        """Return where the file `path` of the manifest lies. Raises `SnapshotCorrupt` when the manifest has no such."""
        return self._root(self._entry(path)) / path

    def _entry(self, path: str) -> FileEntry:
        entry = next((entry for entry in self.manifest.files if entry.path == path), None)
        if entry is None:
            raise SnapshotCorrupt(f"The snapshot {self.id} has no {path}.")
        return entry

    @contextmanager
    def lending(self, *paths: str) -> Iterator[list[Path]]:
        """Lend some files of the manifest, each checked byte for byte, for as long as the block runs.

        Those of a snapshot that lies elsewhere are copied for that long, unless they are there already. Raises
        `SnapshotCorrupt` when a file is not what was entered, or not in the manifest.
        """
        with ExitStack() as until_done:
            yield [until_done.enter_context(self._lent(path)) for path in paths]

    @contextmanager
    def _lent(self, path: str) -> Iterator[Path]:
        entry = self._entry(path)
        if self.origin is None or (self.path / path).is_file():
            files.check_bytes(self.path, entry)
            yield self.path / path
        else:
            with self.origin.fetched(self, entry) as root:
                yield root / path

    def model_files(self) -> list[str]:
        """Return the paths of the files that hold the records."""
        return [str(self._root(entry) / entry.path) for entry in self.entries("models/")]

    @property
    def can_be_served(self) -> bool:
        """Whether its index is of this version's format."""
        return self.manifest.format == FORMAT

    def verify(self, *, index_only: bool = False, advance: Callable[[int], None] = lambda _: None) -> None:
        """Check the files against the manifest; tells `advance` the bytes that were checked.

        With `index_only`, as before serving: the format, and the bytes and footers of `index/`. Otherwise everything,
        with the CRC of every page; of a snapshot that lies elsewhere, every byte is fetched for it. Raises
        `SnapshotCorrupt`, and with `index_only` `SnapshotFormat` for one of an older format.
        """
        if self.path.name != self.id:
            raise SnapshotCorrupt(f"The snapshot {self.path.name} has a manifest that names {self.id}.")
        if index_only and not self.can_be_served:
            raise wrong_format(self.id, self.manifest.format)
        try:
            for entry in self.entries("index/" if index_only else ""):
                self._verify(entry, index_only=index_only)
                advance(entry.bytes)
        except SnapshotCorrupt as error:
            raise SnapshotCorrupt(f"The snapshot {self.id} is corrupt: {error}") from None

    def _verify(self, entry: FileEntry, *, index_only: bool) -> None:
        if self.origin is None:
            _check(self.path, entry, pages=not index_only)
        elif index_only:
            try:
                _check(self._root(entry), entry, pages=False)
            except SnapshotCorrupt:  # the copy is spoiled; what it was copied from need not be
                self.origin.forget(self, entry)
                _check(self._root(entry), entry, pages=False)
        else:
            with self.origin.fetched(self, entry) as root:
                _check(root, entry, pages=True)

    def _root(self, entry: FileEntry) -> Path:
        return self.path if self.origin is None else self.origin.root(self, entry)


def _check(root: Path, entry: FileEntry, *, pages: bool) -> None:
    files.check_bytes(root, entry)
    if entry.path.endswith(".parquet"):
        files.check_parquet(root, entry, pages=pages)
