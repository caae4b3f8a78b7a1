"""Reads Parquet files, each with its own columns, hive-partitioned or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from facets_svc.catalogue import RECORD
from facets_svc.errors import DataRefused, SourceError
from facets_svc.sync.batches import MAX_BATCH_BYTES, MAX_BATCH_ROWS, RawBatch
from facets_svc.sync.sources.files import folder_values

_BUFFER_BYTES = 2**20
_PROBED_ROWS = 1_024


class ParquetSource:
    """The rows of Parquet files. Raises `SourceError` if a file is not Parquet."""

    def __init__(self, label: str, files: Sequence[Path]) -> None:
        self.label = label
        self._files = files
        self.total_bytes: int | None = sum(file.stat().st_size for file in files)
        for file in files:
            _open(file).close()  # a file without a readable footer is an error before the job starts

    def batches(self) -> Iterator[RawBatch]:
        """Yield the columns of the record; for a file without rows, one empty batch with its columns.

        A column that the file lacks comes from the names of its folders, if they have it. Raises `SourceError` if a
        file is damaged, `DataRefused` for a repeated column of the record.
        """
        for file in self._files:
            with _open(file) as opened:
                names = list(opened.schema_arrow.names)
                twice = sorted({name for name in names if name in RECORD.names and names.count(name) > 1})
                if twice:
                    raise DataRefused(f"{file}: the column {', '.join(twice)} occurs more than once.")
                folders = {name: value for name, value in folder_values(file).items() if name not in names}
                unknown = frozenset({*names, *folders} - {*RECORD.names})
                wanted = [name for name in names if name in RECORD.names]
                total, read, size = opened.metadata.num_rows, 0, file.stat().st_size
                for columns, rows in _read(file, opened, wanted):
                    columns |= {name: _constant(value, rows) for name, value in folders.items() if name in RECORD.names}
                    yield RawBatch(
                        file=str(file),
                        numbers=np.arange(read + 1, read + rows + 1),
                        columns=columns,
                        has_header=True,
                        unknown=unknown,
                        size_bytes=size * (read + rows) // total - size * read // total if total else size,
                    )
                    read += rows


def _open(file: Path) -> pq.ParquetFile:
    try:
        opened = pq.ParquetFile(
            file,
            buffer_size=_BUFFER_BYTES,
            pre_buffer=False,
            page_checksum_verification=True,
            coerce_int96_timestamp_unit="us",  # nanoseconds, the default, wrap around outside of 1677 to 2262
        )
        opened.schema_arrow.names  # noqa: B018 - fails for a type that Arrow lacks, or a name that is not UTF-8
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SourceError(f"{file} is not a readable Parquet file: {_sentence(error)}") from None
    return opened


def _read(file: Path, opened: pq.ParquetFile, wanted: list[str]) -> Iterator[tuple[dict[str, pa.Array], int]]:
    """Yield the wanted columns and the number of rows, batch by batch."""
    if not (opened.metadata.num_rows and wanted):
        yield {name: pa.nulls(0, opened.schema_arrow.field(name).type) for name in wanted}, 0
        return
    try:
        for batch in opened.iter_batches(batch_size=_batch_rows(opened, wanted), columns=wanted):
            yield dict(zip(batch.schema.names, batch.columns, strict=True)), batch.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SourceError(f"{file} is damaged: {_sentence(error)}") from None


def _batch_rows(opened: pq.ParquetFile, wanted: list[str]) -> int:
    """Return the number of rows of a batch of some `MAX_BATCH_BYTES`.

    The footer has the size of the encoded rows. If a few long texts repeat, decoded rows are far larger: so the first
    ones are read too.
    """
    metadata = opened.metadata
    encoded_bytes = sum(metadata.row_group(place).total_byte_size for place in range(metadata.num_row_groups))
    rows = _fitting(encoded_bytes / metadata.num_rows)
    first = next(opened.iter_batches(batch_size=min(rows, _PROBED_ROWS), columns=wanted))
    return min(rows, _fitting(first.nbytes / first.num_rows))


def _fitting(row_bytes: float) -> int:
    return max(1, min(MAX_BATCH_ROWS, int(MAX_BATCH_BYTES / max(row_bytes, 1))))


def _constant(value: str | None, rows: int) -> pa.StringArray:
    return pa.nulls(rows, pa.string()) if value is None else pa.repeat(pa.scalar(value, pa.string()), rows)


def _sentence(error: BaseException) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") + "." if str(error).strip() else f"{type(error).__name__}."
