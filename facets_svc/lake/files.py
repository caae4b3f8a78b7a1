"""Writes files durably, and checks them."""

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
"""Rows of a row group: DuckDB's own size, so that its threads share a file evenly."""

_COMPRESSION: Final = "zstd"
_FAST_COMPRESSION: Final = "lz4"
_UNIQUE: Final = frozenset({"id", "name", "description", "search_text", "seq", "row", "rid", "record"})
"""Columns that a dictionary would make larger and slower to write."""

_REFUSED_COMPRESSION: Final = "BROTLI"  # CVE-2026-111497: DuckDB's decoder writes out of bounds


def sync_file(path: Path) -> None:
    """Flush the bytes of a file to the disk. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


sync_folder = sync_file
"""Flushes the entries of a folder to the disk, without which a crash may lose a new or renamed file."""


def make_folder(path: Path) -> None:
    """Create a folder and its missing parents, and flush the entry of each. Raises `OSError`."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Replace the file at `path` with `content`, atomically and durably. Raises `OSError`."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    sync_folder(path.parent)


@contextmanager
def parquet_writer(path: Path, schema: pa.Schema, *, scratch: bool = False) -> Iterator[pq.ParquetWriter]:
    """Open a Parquet file of the lake for writing, with zstd, a CRC on every page, and statistics.

    With `scratch`, for a temporary file: fast compression and no CRC.
    """
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
    """Return the paths of the columns to write with a dictionary."""
    return [
        f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name
        for field in schema
        if field.name not in _UNIQUE
    ]


def write_parquet(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], *, scratch: bool = False) -> int:
    """Write `batches`, cast to `schema`, as one Parquet file, and return the number of its rows.

    Another thread encodes a row group while this one takes the batches of the next: memory holds two. `scratch` is for
    temporary files, which are faster to write and read, and larger.
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
    """Yield `batches`, cast to `schema`, as tables of `ROW_GROUP_ROWS` rows; the last may be shorter."""
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
    """Return the SHA-256 of a file in hex. Raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe(root: Path, path: Path) -> FileEntry:
    """Return the manifest entry of the file at `path`, which is below `root`, as it is on the disk now."""
    rows = None
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            rows = file.metadata.num_rows
    return FileEntry(path=path.relative_to(root).as_posix(), rows=rows, bytes=path.stat().st_size, sha256=sha256(path))


def check_bytes(root: Path, entry: FileEntry) -> None:
    """Compare the size and checksum of a file below `root` with its manifest entry.

    Raises `SnapshotCorrupt` if they differ or the file is missing, `LakeError` if it cannot be read.
    """
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
    """Check that a file is Parquet that is safe to read, with the rows of its manifest entry.

    With `pages`, it also reads every page and checks its CRC. Raises `SnapshotCorrupt`.
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
