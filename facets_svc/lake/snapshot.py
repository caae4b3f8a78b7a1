"""One snapshot, for reading."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from facets_svc.errors import LakeError, SnapshotCorrupt
from facets_svc.lake import files
from facets_svc.lake.manifest import FileEntry, Manifest, decode

MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot in a folder of its own: where it lies, and what its manifest says."""

    path: Path
    manifest: Manifest

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

    def index_file(self, name: str) -> str:
        """Return the path of `index/<name>.parquet`. Raises `SnapshotCorrupt` when the manifest has no such file."""
        path = f"index/{name}.parquet"
        if not any(entry.path == path for entry in self.manifest.files):
            raise SnapshotCorrupt(f"The snapshot {self.id} has no {path}.")
        return str(self.path / path)

    def model_files(self) -> list[str]:
        """Return the paths of the files that hold the records."""
        return [str(self.path / entry.path) for entry in self.entries("models/")]

    def verify(self, *, index_only: bool = False, advance: Callable[[int], None] = lambda _: None) -> None:
        """Check the files against the manifest; tells `advance` the bytes that were checked.

        With `index_only`, as before serving: the bytes and footers of `index/`. Otherwise everything, with the CRC of
        every page. Raises `SnapshotCorrupt`.
        """
        if self.path.name != self.id:
            raise SnapshotCorrupt(f"The snapshot {self.path.name} says that it is {self.id}.")
        try:
            self._verify(self.entries("index/" if index_only else ""), pages=not index_only, advance=advance)
        except SnapshotCorrupt as error:
            raise SnapshotCorrupt(f"The snapshot {self.id} is corrupt: {error}") from None

    def _verify(self, entries: Iterable[FileEntry], *, pages: bool, advance: Callable[[int], None]) -> None:
        for entry in entries:
            files.check_bytes(self.path, entry)
            if entry.path.endswith(".parquet"):
                files.check_parquet(self.path, entry, pages=pages)
            advance(entry.bytes)
