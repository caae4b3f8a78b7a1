"""The records of single models, put together from what is in memory and from a file that is read row by row."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from facets_svc.catalogue import FACETS, MEASURES, RECORD, TEXTS
from facets_svc.engine.columns import Columns, RowIds
from facets_svc.engine.index import Rows
from facets_svc.errors import LakeError, SnapshotCorrupt
from facets_svc.facets.values import Dictionary
from facets_svc.lake.files import READ_BY_ROW_ROWS
from facets_svc.lake.lines import Lines
from facets_svc.lake.snapshot import Snapshot

_CODED: Final = tuple(facet for facet in FACETS if not facet.is_list)
_DECODER: Final = msgspec.json.Decoder(dict[str, Any])
_MEASURED: Final = tuple(measure.column for measure in MEASURES)


class PublicTexts:
    """The texts of public models, in a file whose row groups are small: a model's is found by its row id.

    Nothing of it is held in memory but where the row groups lie, and that was verified when it was opened. Every page
    that is read is checked by its CRC, and every row by its row id, so that a file that is spoiled later answers
    nothing. Each of `readers` threads may read at the same time.
    """

    def __init__(self, snapshot: Snapshot, *, readers: int) -> None:
        path = snapshot.index_file("public_texts")
        self._readers: queue.LifoQueue[pq.ParquetFile] = queue.LifoQueue()
        self._open: list[pq.ParquetFile] = []
        metadata = None
        for _ in range(readers):
            file = pq.ParquetFile(path, metadata=metadata, page_checksum_verification=True)
            metadata = file.metadata
            self._open.append(file)
            self._readers.put(file)

    def read(self, rows: RowIds, columns: Sequence[str]) -> list[dict[str, Any]]:
        """Return these columns of some models, in the order of `rows`. Raises `SnapshotCorrupt` or Arrow's errors."""
        groups, group_of = np.unique(rows // READ_BY_ROW_ROWS, return_inverse=True)
        with self._reader() as reader:
            read = reader.read_row_groups(groups.tolist(), columns=["rid", *columns], use_threads=False)
        found = read.take(pa.array(group_of * READ_BY_ROW_ROWS + rows % READ_BY_ROW_ROWS))
        if not np.array_equal(found.column("rid").to_numpy(), rows):
            raise SnapshotCorrupt("The texts are not those of the models.")
        texts: list[dict[str, Any]] = found.select(columns).to_pylist()
        return texts

    def close(self) -> None:
        """Close the file."""
        for file in self._open:
            file.close(force=True)

    @contextmanager
    def _reader(self) -> Iterator[pq.ParquetFile]:
        reader = self._readers.get()
        try:
            yield reader
        finally:
            self._readers.put(reader)


class PrivateTexts:
    """The texts of private models, a line of JSON each, of which those that are asked for are read and no others.

    In row groups an org's models would be read with those of others, and what these write would take time.
    """

    def __init__(self, snapshot: Snapshot, *, first: int) -> None:
        table = pq.read_table(snapshot.index_file("private_lines"), columns=["bytes", "crc"])
        lengths, checksums = (table.column(name).to_numpy().copy() for name in ("bytes", "crc"))
        self._lines = Lines(snapshot.file("index/private_texts.jsonl"), lengths, checksums)
        self._first = first

    def read(self, rows: RowIds) -> list[dict[str, Any]]:
        """Return the texts of some models, in the order of `rows`. Raises `SnapshotCorrupt` or `OSError`."""
        return [_DECODER.decode(line) for line in self._lines.read(rows - self._first)]

    def close(self) -> None:
        """Close the file."""
        self._lines.close()


class Texts:
    """The texts of all models by row id; those of public ones come first."""

    def __init__(self, snapshot: Snapshot, public: Rows, *, readers: int) -> None:
        self._snapshot_id = snapshot.id
        self._end = public.end
        self._public = PublicTexts(snapshot, readers=readers)
        self._private = PrivateTexts(snapshot, first=public.end)

    def read(self, rows: RowIds, columns: Sequence[str]) -> list[dict[str, Any]]:
        """Return at least these columns of some models, in the order of `rows`.

        Raises `LakeError` when a file is spoiled.
        """
        is_public = rows < self._end
        try:
            public = iter(self._public.read(rows[is_public], columns) if is_public.any() else ())
            private = iter(self._private.read(rows[~is_public]))
        except (SnapshotCorrupt, msgspec.MsgspecError, pa.ArrowException, OSError) as error:
            raise LakeError(f"The texts of the snapshot {self._snapshot_id} cannot be read: {error}") from error
        return [next(public if one else private) for one in is_public.tolist()]

    def close(self) -> None:
        """Close the files."""
        self._public.close()
        self._private.close()


class Records:
    """The records of models by row id."""

    def __init__(self, texts: Texts, columns: Columns, models: pa.Table, dictionary: Dictionary, public: int) -> None:
        self._texts = texts
        self._columns = columns
        self._models = models
        self._dictionary = dictionary
        self._public = public

    def read(self, rows: RowIds, fields: Sequence[str]) -> list[dict[str, Any]]:
        """Return these fields of some models' records, in the order of `rows`. Raises `LakeError`."""
        if not len(rows):
            return []
        found: dict[str, list[Any]] = {}
        if texts := [name for name in TEXTS if name in fields]:
            read = self._texts.read(rows, texts)
            found |= {name: [told[name] for told in read] for name in texts}
        if measures := [name for name in _MEASURED if name in fields]:
            table = self._models.select(measures).take(pa.array(rows))
            found |= {name: table.column(name).to_pylist() for name in measures}
        for facet in _CODED:
            if facet.column in fields:
                codes = self._columns.scalar_codes(facet, rows)
                found[facet.column] = [self._dictionary.value(code) for code in codes.tolist()]
        if "is_public" in fields:
            found["is_public"] = (rows < self._public).tolist()
        names = [name for name in RECORD.names if name in fields]
        return [dict(zip(names, values, strict=True)) for values in zip(*(found[name] for name in names), strict=True)]
