"""Reads and verifies one snapshot."""

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
"""The DuckDB file of the tables that the service queries. The job makes them from the records."""

CLUSTER: Final = "cluster/"
"""The folder of the same tables as Parquet, for a cluster, with a folder per table. Not every snapshot has it."""


def pattern(file: str | Path) -> str:
    """Return a glob that matches `file` only: DuckDB reads every path of a Parquet file as a glob.

    >>> pattern("/lakes/a?b/part-0.parquet")
    '/lakes/a[?]b/part-0.parquet'
    """
    return glob.escape(str(file))


class Origin(Protocol):
    """Copies the files of a snapshot that is not in a local folder."""

    def root(self, snapshot: Snapshot, entry: FileEntry) -> Path:
        """Return the folder below which the file is, after copying it if necessary.

        Raises `SnapshotCorrupt` if the copy does not match `entry`, `LakeError` if it cannot be made.
        """

    def fetched(self, snapshot: Snapshot, entry: FileEntry) -> AbstractContextManager[Path]:
        """Copy the file, check its bytes, yield the folder below which the copy is, and remove the copy."""

    def forget(self, snapshot: Snapshot, entry: FileEntry) -> None:
        """Remove the local copy of the file."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot: its folder and its manifest. With an `origin`, reading a file copies it to the folder."""

    path: Path
    manifest: Manifest
    origin: Origin | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the snapshot in the folder `path`.

        Raises `SnapshotCorrupt` if the manifest is missing or damaged, `SnapshotFormat` if its format is unsupported,
        `LakeError` if it cannot be read.
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
        """The id, which is also the name of the folder."""
        return self.manifest.id

    @property
    def created_at(self) -> datetime:
        """The time at which the snapshot was made, in UTC."""
        return self.manifest.created_at

    def entries(self, folder: str = "") -> list[FileEntry]:
        """Return the manifest's entries below `folder` (such as `index/`; by default, all), in the manifest's order."""
        return [entry for entry in self.manifest.files if entry.path.startswith(folder)]

    def file(self, path: str) -> Path:
        """Return the local path of a file, by its path in the manifest, after copying it if necessary.

        Raises `SnapshotCorrupt` if the manifest does not list it or the copy does not match, `LakeError` if it cannot
        be copied.
        """
        return self._root(self._entry(path)) / path

    def _entry(self, path: str) -> FileEntry:
        entry = next((entry for entry in self.manifest.files if entry.path == path), None)
        if entry is None:
            raise SnapshotCorrupt(f"The snapshot {self.id} has no {path}.")
        return entry

    @contextmanager
    def lending(self, *paths: str) -> Iterator[list[Path]]:
        """Yield the local paths of some files, by their paths in the manifest, after checking their bytes.

        The end of the block removes copies that were made for it. Raises `SnapshotCorrupt` if the manifest does not
        list a file, or a file does not match.
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
        """Return the local paths of the files with the records, after copying them if necessary."""
        return [str(self._root(entry) / entry.path) for entry in self.entries("models/")]

    @property
    def can_be_served(self) -> bool:
        """Whether this version serves the format of its index."""
        return self.manifest.format == FORMAT

    def verify(self, *, index_only: bool = False, advance: Callable[[int], None] = lambda _: None) -> None:
        """Check the files against the manifest. `advance` receives the size of each checked file in bytes.

        With `index_only`, which is enough to serve, it checks the format and the files of `index/`; otherwise all
        files, with the CRC of every page, fetching them if the snapshot is in a bucket. Raises `SnapshotCorrupt`, and
        with `index_only` `SnapshotFormat`.
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
            except SnapshotCorrupt:  # the copy is damaged, but the original may be intact
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
