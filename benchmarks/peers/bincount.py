"""The physical limit: one pass of numpy's `bincount` over the codes of the models that pass.

Which models pass, and their codes, are worked out before the clock starts: what remains is to read and count them.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.answers import Answer
from benchmarks.peers.base import Peer, scope_of
from benchmarks.peers.naive import conditions
from facets_svc.catalogue import FACETS
from facets_svc.facets.query import FacetQuery

Integers = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class _Facet:
    """The codes of a facet, flat, where those of each record start, and the value of each code."""

    codes: Integers
    starts: Integers
    values: list[str]


class Bincount(Peer):
    """The codes of every record, in memory. One thread."""

    note = (
        "Not an engine: it gets the codes of the models that pass, and counts them in one pass, without disjunctive "
        "counts."
    )

    def __init__(self, records: Path) -> None:
        table = pq.read_table(records, columns=[facet.column for facet in FACETS])
        self._facets = {facet.column: _codes(table.column(facet.column).combine_chunks()) for facet in FACETS}
        self._connection = duckdb.connect()
        self._connection.execute("SET enable_progress_bar = false")
        self._connection.execute(
            "CREATE VIEW records AS SELECT *, file_row_number AS place "
            f"FROM read_parquet('{records}', file_row_number = true)"
        )
        self._prepared: dict[FacetQuery, tuple[Integers, int, int]] = {}

    def prepare(self, query: FacetQuery) -> None:
        """Gather the codes of the models that pass, shifted so that no two facets share one; once a query."""
        if query in self._prepared:
            return
        places = self._places(query)
        gathered, shift = [], 0
        for facet in self._facets.values():
            gathered.append(_gather(facet, places) + shift)
            shift += len(facet.values)
        self._prepared[query] = (np.concatenate(gathered), len(self._places(scope_of(query))), len(places))

    def ask(self, query: FacetQuery) -> tuple[Integers, int, int]:
        """Count the codes that were gathered."""
        codes, total, filtered_total = self._prepared[query]
        return np.bincount(codes), total, filtered_total

    def answer(self, result: tuple[Integers, int, int]) -> Answer:
        """Return the counts, conjunctive ones even of an *any* facet with its own filter."""
        counts, total, filtered_total = result
        facets, shift = {}, 0
        for name, facet in self._facets.items():
            own = counts[shift : shift + len(facet.values)].tolist()
            facets[name] = {value: count for value, count in zip(facet.values, own, strict=False) if count}
            shift += len(facet.values)
        return Answer(total, filtered_total, facets)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _places(self, query: FacetQuery) -> Integers:
        condition, parameters = conditions(query, query.selected)
        found: Any = self._connection.execute(
            f"SELECT place FROM records WHERE {condition} ORDER BY place",
            parameters,
        ).fetchnumpy()
        return np.asarray(found["place"], dtype=np.int64)


def _codes(column: pa.Array) -> _Facet:
    """Return the codes of a column of values or of lists."""
    if pa.types.is_list(column.type):
        encoded = column.flatten().dictionary_encode()
        starts = column.offsets.to_numpy() - column.offsets[0].as_py()
    else:
        encoded = column.drop_null().dictionary_encode()
        starts = np.concatenate([[0], np.cumsum(column.is_valid().to_numpy(zero_copy_only=False))])
    return _Facet(encoded.indices.to_numpy().astype(np.int64), starts.astype(np.int64), encoded.dictionary.to_pylist())


def _gather(facet: _Facet, places: Integers) -> Integers:
    """Return the codes of the records at `places`."""
    starts, ends = facet.starts[places], facet.starts[places + 1]
    lengths = ends - starts
    firsts = np.cumsum(lengths) - lengths
    steps = np.arange(int(lengths.sum())) - np.repeat(firsts - starts, lengths)
    gathered: Integers = facet.codes[steps]
    return gathered


def build(records: Path, folder: Path) -> None:
    """Nothing: the codes are made when it opens."""


def open_peer(records: Path, folder: Path, threads: int) -> Bincount:  # noqa: ARG001 - as every peer
    """Read the records' codes."""
    return Bincount(records)
