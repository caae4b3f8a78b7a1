"""Files that must survive: writing, syncing and checking them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from facets_svc.errors import LakeError, SnapshotCorrupt
from facets_svc.lake.manifest import FileEntry

ROW_GROUP_ROWS: Final = 122_880
"""Rows of a row group: DuckDB's own unit, so that its threads share a file evenly."""

_COMPRESSION: Final = "zstd"
_FAST_COMPRESSION: Final = "lz4"
_UNIQUE: Final = frozenset({"id", "name", "description", "search_text", "seq", "row", "rid", "record"})
"""Columns that a dictionary would only make larger and slower to write."""

_REFUSED_COMPRESSION: Final = "BROTLI"  # CVE-2026-111497: DuckDB's decoder writes out of bounds


def sync_file(path: Path) -> None:
    """Flush the file's bytes to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


sync_folder = sync_file
"""Flush the folder's entries to the disk: without it a file that was just made or renamed may be gone after a crash."""


def make_folder(path: Path) -> None:
    """Make the folder and those above it that are missing, each flushed into the one that holds it."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Write `content` under a temporary name, flush it, and put it in the place of `path`, all or nothing."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    sync_folder(path.parent)


@contextmanager
def parquet_writer(path: Path, schema: pa.Schema, *, scratch: bool = False) -> Iterator[pq.ParquetWriter]:
    """Open a Parquet file of the lake for writing: zstd, a CRC on every page, statistics, no surprises by version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(
        path,
        schema,
        compression=_FAST_COMPRESSION if scratch else _COMPRESSION,
        use_dictionary=_repeating(schema),
        write_page_checksum=not scratch,
        write_page_index=not scratch,
        store_schema=True,
    ) as writer:
        yield writer


def _repeating(schema: pa.Schema) -> list[str]:
    """Return the paths of the columns that a dictionary is tried for."""
    return [
        f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name
        for field in schema
        if field.name not in _UNIQUE
    ]


def write_parquet(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], *, scratch: bool = False) -> int:
    """Write `batches`, cast to `schema`, as one Parquet file, and return its rows. Memory holds two row groups.

    While one is encoded by another thread, the batches of the next are taken in this one. `scratch` is for a file that
    does not stay: faster to write and to read, and larger.
    """
    rows = 0
    written: Future[None] | None = None
    with parquet_writer(path, schema, scratch=scratch) as writer, ThreadPoolExecutor(1) as encoder:
        for table in regroup(schema, batches):
            if written is not None:
                written.result()
            written = encoder.submit(writer.write_table, table, row_group_size=ROW_GROUP_ROWS)
            rows += table.num_rows
        if written is not None:
            written.result()
    return rows


def regroup(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield `batches`, cast to `schema`, as tables of one row group each; the last may be shorter."""
    pending: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        remaining = batch.cast(schema)
        while remaining.num_rows:
            taken = remaining.slice(0, ROW_GROUP_ROWS - count)
            remaining = remaining.slice(taken.num_rows)
            pending.append(taken)
            count += taken.num_rows
            if count == ROW_GROUP_ROWS:
                yield pa.Table.from_batches(pending, schema=schema)
                pending, count = [], 0
    if pending:
        yield pa.Table.from_batches(pending, schema=schema)


def sha256(path: Path) -> str:
    """Return the SHA-256 of the file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe(root: Path, path: Path) -> FileEntry:
    """Return the manifest's entry for the file at `path`, as it is on the disk now."""
    rows = None
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            rows = file.metadata.num_rows
    return FileEntry(path=path.relative_to(root).as_posix(), rows=rows, bytes=path.stat().st_size, sha256=sha256(path))


def check_bytes(root: Path, entry: FileEntry) -> None:
    """Check that the file is, byte for byte, the one that was entered. Raises `SnapshotCorrupt`."""
    path = root / entry.path
    try:
        size = path.stat().st_size
        if size != entry.bytes:
            raise SnapshotCorrupt(f"{entry.path} has {size} bytes instead of {entry.bytes}.")
        if sha256(path) != entry.sha256:
            raise SnapshotCorrupt(f"{entry.path} has changed since it was written: its checksum differs.")
    except FileNotFoundError:
        raise SnapshotCorrupt(f"{entry.path} is missing.") from None
    except OSError as error:
        raise LakeError(f"{entry.path} cannot be read: {error.strerror}.") from None


def check_parquet(root: Path, entry: FileEntry, *, pages: bool) -> None:
    """Check that the file is Parquet of the entered rows that is safe to read, and with `pages` the CRC of every page.

    Raises `SnapshotCorrupt`.
    """
    try:
        with pq.ParquetFile(root / entry.path, page_checksum_verification=True) as file:
            metadata = file.metadata
            if metadata.num_rows != entry.rows:
                raise SnapshotCorrupt(f"{entry.path} has {metadata.num_rows} rows instead of {entry.rows}.")
            for group in range(metadata.num_row_groups):
                for column in range(metadata.num_columns):
                    if metadata.row_group(group).column(column).compression == _REFUSED_COMPRESSION:
                        raise SnapshotCorrupt(f"{entry.path} is compressed with Brotli, which is not safe to read.")
                if pages:
                    file.read_row_group(group)
    except SnapshotCorrupt:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise SnapshotCorrupt(f"{entry.path} cannot be read as Parquet: {error}.") from None
