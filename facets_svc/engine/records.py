"""The records of single models, put together from what is in memory and from a file that is read row by row."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from facets_svc.catalogue import FACETS, MEASURES, RECORD, TEXTS
from facets_svc.engine.columns import Columns, RowIds
from facets_svc.errors import LakeError
from facets_svc.facets.values import Dictionary
from facets_svc.lake.files import READ_BY_ROW_ROWS
from facets_svc.lake.snapshot import Snapshot

_CODED: Final = tuple(facet for facet in FACETS if not facet.is_list)
_MEASURED: Final = tuple(measure.column for measure in MEASURES)


class Texts:
    """The texts of the models, in a file whose row groups are small: a model's is found by its row id.

    Nothing of it is held in memory but where the row groups lie, and that was verified when it was opened. Every page
    that is read is checked by its CRC, and every row by its row id, so that a file that is spoiled later answers
    nothing. Each of `readers` threads may read at the same time.
    """

    def __init__(self, snapshot: Snapshot, *, readers: int) -> None:
        self._snapshot_id = snapshot.id
        path = snapshot.index_file("model_texts")
        self._readers: queue.LifoQueue[pq.ParquetFile] = queue.LifoQueue()
        self._open: list[pq.ParquetFile] = []
        metadata = None
        for _ in range(readers):
            file = pq.ParquetFile(path, metadata=metadata, page_checksum_verification=True)
            metadata = file.metadata
            self._open.append(file)
            self._readers.put(file)

    def read(self, rows: RowIds, columns: Sequence[str]) -> pa.Table:
        """Return these columns of some models, in the order of `rows`. Raises `LakeError` when the file is spoiled."""
        groups, group_of = np.unique(rows // READ_BY_ROW_ROWS, return_inverse=True)
        try:
            with self._reader() as reader:
                read = reader.read_row_groups(groups.tolist(), columns=["rid", *columns], use_threads=False)
            found = read.take(pa.array(group_of * READ_BY_ROW_ROWS + rows % READ_BY_ROW_ROWS))
        except (pa.ArrowException, OSError) as error:
            raise LakeError(f"The texts of the snapshot {self._snapshot_id} cannot be read: {error}") from error
        if not np.array_equal(found.column("rid").to_numpy(), rows):
            raise LakeError(f"The texts of the snapshot {self._snapshot_id} are not those of its models.")
        return found

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
            table = self._texts.read(rows, texts)
            found |= {name: table.column(name).to_pylist() for name in texts}
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
