"""The codes of every model, in memory, and which models hold a code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from facets_svc.catalogue import FACETS, MEASURES, Facet
from facets_svc.engine.base import Interruption
from facets_svc.engine.index import Codes, Mask, Rows
from facets_svc.errors import SnapshotCorrupt
from facets_svc.facets.values import Counts
from facets_svc.lake.snapshot import Snapshot

RowIds = npt.NDArray[np.integer]

_BATCH_ROWS: Final = 16_384

_ONE_BY_ONE: Final = 8
"""Up to so many codes are compared one after the other; more are looked up in a table."""


class Columns:
    """Per model, by row id, all of its codes in one list, and apart the code of each facet that is no list."""

    def __init__(self, snapshot: Snapshot, *, facet_of_code: npt.NDArray[np.uint8]) -> None:
        self._code_type = np.min_scalar_type(len(facet_of_code))
        self._facet_of_code = facet_of_code
        scalars = [facet for facet in FACETS if not facet.is_list]
        lengths: list[npt.NDArray[np.int64]] = []
        values: list[Codes] = []
        own: dict[int, list[Codes]] = {facet.index: [] for facet in scalars}
        with pq.ParquetFile(snapshot.index_file("model_facets")) as file:
            # A row group at a time: whole columns of four bytes would be held beside those of two.
            for batch in file.iter_batches(columns=["codes", *(facet.column for facet in scalars)]):
                codes = batch.column("codes")
                lengths.append(np.diff(codes.offsets.to_numpy()))
                values.append(codes.flatten().to_numpy().astype(self._code_type))
                for facet in scalars:
                    own[facet.index].append(batch.column(facet.column).to_numpy().astype(self._code_type))
        self._values = _joined(values, self._code_type)
        self._offsets = np.concatenate([[0], np.cumsum(_joined(lengths, np.int64))]).astype(np.int32)
        self._lists = pa.ListArray.from_arrays(pa.array(self._offsets), pa.array(self._values))
        self._own = {index: _joined(parts, self._code_type) for index, parts in own.items()}

    def count(self, rows: RowIds, interruption: Interruption) -> Counts:
        """Return how many of some rows hold each code, of all facets. Raises `Interrupted` when it was requested."""
        counts = np.zeros(len(self._facet_of_code), np.int64)
        # What a batch takes out stays in the processor's cache; and between two of them other threads have their turn,
        # since numpy counts under Python's lock.
        for first in range(0, len(rows), _BATCH_ROWS):
            interruption.check()
            held = self._lists.take(pa.array(rows[first : first + _BATCH_ROWS])).flatten().to_numpy()
            counts += np.bincount(held, minlength=len(counts))
        return counts

    def count_own(self, facet: Facet, rows: RowIds, interruption: Interruption) -> Counts:
        """Return how many of some rows hold each code of one facet. Raises like `count`."""
        if facet.is_list:
            counts: Counts = self.count(rows, interruption) * (self._facet_of_code == facet.index)
            return counts
        return np.bincount(self._own[facet.index][rows], minlength=len(self._facet_of_code))

    def scalar_codes(self, facet: Facet, rows: RowIds) -> Codes:
        """Return the code that each of some rows holds of a facet that is no list."""
        codes: Codes = self._own[facet.index][rows]
        return codes

    def holding_any(self, facet: Facet, rows: Rows, codes: Sequence[int]) -> Mask:
        """Return which of the rows hold one of the codes of a facet."""
        if facet.is_list:
            first, end = self._offsets[rows.first], self._offsets[rows.end]
            mask = np.zeros(len(rows), np.bool_)
            places = np.flatnonzero(self._is_one_of(self._values[first:end], codes)) + first
            mask[np.searchsorted(self._offsets[rows.first : rows.end + 1], places, side="right") - 1] = True
            return mask
        return self._is_one_of(self._own[facet.index][rows.first : rows.end], codes)

    def _is_one_of(self, held: Codes, codes: Sequence[int]) -> Mask:
        if len(codes) > _ONE_BY_ONE:
            table = np.zeros(len(self._facet_of_code) + 1, np.bool_)  # the last one stands for what nobody knows
            table[list(codes)] = True
            return table[held]
        mask = np.zeros(len(held), np.bool_)
        for code in codes:
            mask |= held == code
        return mask


def read_models(snapshot: Snapshot) -> pa.Table:
    """Return the numbers, times and search texts of all models, and their row ids, which are also their places.

    Raises `SnapshotCorrupt` when the row ids are not the places: everything that is looked up by row id would be wrong.
    """
    columns = ["rid", *(measure.column for measure in MEASURES), "search_text"]
    # In one piece, some rows are taken out a hundred times as fast.
    models = pq.read_table(snapshot.index_file("model_facets"), columns=columns).combine_chunks()
    if not np.array_equal(models.column("rid").to_numpy(), np.arange(len(models))):
        raise SnapshotCorrupt(f"The models of the snapshot {snapshot.id} are indexed out of order.")
    return models


class Postings:
    """The row ids of the public models that hold each code, in ascending order."""

    def __init__(self, snapshot: Snapshot, *, codes: int) -> None:
        with pq.ParquetFile(snapshot.index_file("postings_public")) as file:
            counts = np.zeros(codes + 1, np.int64)
            rows: list[npt.NDArray[np.uint32]] = []
            for batch in file.iter_batches(columns=["code", "rid"]):
                counts[1:] += np.bincount(batch.column("code").to_numpy(), minlength=codes)
                rows.append(batch.column("rid").to_numpy().copy())
        self._starts = np.cumsum(counts)
        self._rows = _joined(rows, np.uint32)

    def of(self, code: int) -> npt.NDArray[np.uint32]:
        """Return the public models that hold a code; none for one that nobody knows."""
        if code + 1 >= len(self._starts):
            return self._rows[:0]
        return self._rows[self._starts[code] : self._starts[code + 1]]


def _joined(parts: Sequence[npt.NDArray[Any]], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)
