"""The engine: masks choose the models, DuckDB reads their texts and counts their codes.

Public models and the private models of an org are disjoint, so that their counts add: a scope is selected in two parts,
and counted in one statement over the lists of both. A model that passes counts for all of its codes, one that fails a
single *any* facet for its codes of that facet: so their counts leave their own filter out.

Nothing here depends on rows that the caller may not see, not even the time it takes: an org's rows lie together and no
others are read, and a value that the scope does not hold is looked for like one that nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from facets_svc.catalogue import FACETS, Facet
from facets_svc.engine.base import Interruption
from facets_svc.engine.columns import Columns, Postings, batches, read_models
from facets_svc.engine.filters import Filters
from facets_svc.engine.index import Index, Rows
from facets_svc.engine.instance import Cursor, Instance
from facets_svc.engine.matches import Matches
from facets_svc.engine.selection import Selection, Selector
from facets_svc.engine.statements import whole
from facets_svc.engine.statistics import statistics
from facets_svc.errors import LakeError
from facets_svc.facets.answer import FacetAnswer, ValuePage
from facets_svc.facets.query import FacetQuery, ValueQuery
from facets_svc.facets.values import EVERY_MODEL, Counts
from facets_svc.lake.snapshot import Snapshot

BATCH_ROWS: Final = 16_384
"""Lists that one thread of DuckDB counts at a time."""


def open_engine(snapshot: Snapshot, *, threads: int, memory_limit: str) -> DuckdbEngine:
    """Verify the index of `snapshot`, load it, and return an engine over it.

    `threads` are DuckDB's, `memory_limit` is such as `2GiB` (empty: DuckDB's own). Raises `SnapshotCorrupt` when the
    files are not what the manifest says, `LakeError` when they cannot be read.
    """
    snapshot.verify(index_only=True)
    try:
        return _opened(snapshot, threads=threads, memory_limit=memory_limit)
    except (pa.ArrowException, OSError) as error:
        raise LakeError(f"The index of the snapshot {snapshot.id} cannot be read: {error}") from error


def _opened(snapshot: Snapshot, *, threads: int, memory_limit: str) -> DuckdbEngine:
    index = Index.read(snapshot)
    columns = Columns(snapshot, facet_of_code=index.dictionary.facets)
    postings = Postings(snapshot, codes=len(index.dictionary))
    models = read_models(snapshot)
    # What Arrow has read was copied, and Arrow would keep the memory.
    pa.default_memory_pool().release_unused()
    instance = Instance(snapshot.id, threads=threads, memory_limit=memory_limit)
    return DuckdbEngine(snapshot, index, columns, postings, models, instance)


class DuckdbEngine:
    """Answers queries over one snapshot, from any thread."""

    def __init__(
        self,
        snapshot: Snapshot,
        index: Index,
        columns: Columns,
        postings: Postings,
        models: pa.Table,
        instance: Instance,
    ) -> None:
        self._snapshot = snapshot
        self._index = index
        self._columns = columns
        self._selector = Selector(columns, postings, index.public)
        self._models = models
        self._matches = Matches(models, index.public)
        self._instance = instance

    @property
    def snapshot_id(self) -> str:
        """The id of the snapshot that every answer comes from."""
        return self._snapshot.id

    @property
    def created_at(self) -> datetime:
        """When the snapshot was made, in UTC."""
        return self._snapshot.created_at

    def knows(self, org: str) -> bool:
        """Tell whether the catalogue knows `org`."""
        return org in self._index.orgs

    def answer(self, query: FacetQuery, interruption: Interruption | None = None) -> FacetAnswer:
        """Answer `query` exactly.

        Raises `Interrupted` when `interruption` was requested, `Unavailable` when DuckDB failed.
        """
        parts = self._parts(query)
        wanted = [facet for facet in FACETS if query.wants(facet)]
        filters = Filters.of(query, self._index, parts)
        with self._instance.cursor(interruption or Interruption()) as cursor:
            selections = self._select(cursor, parts, filters)
            counts = self._count(cursor, parts, selections, wanted, filters.alone)
            numbers = statistics(cursor, self._models, parts, selections) if query.with_statistics else ()
        return FacetAnswer(
            total=sum(map(len, parts)),
            filtered_total=int(counts[EVERY_MODEL]),
            facets=self._index.dictionary.list_facets(query, counts),
            statistics=numbers,
        )

    def values(self, asked: ValueQuery, interruption: Interruption | None = None) -> ValuePage:
        """Return a page of one facet's values. Raises like `answer`."""
        parts = self._parts(asked.query)
        filters = Filters.of(asked.query, self._index, parts)
        with self._instance.cursor(interruption or Interruption()) as cursor:
            selections = self._select(cursor, parts, filters)
            counts = self._count(cursor, parts, selections, [asked.facet], filters.alone)
        return self._index.dictionary.page(asked, counts)

    def forget(self) -> None:
        """Forget what is remembered of earlier queries: a benchmark of what is asked for the first time does it."""
        self._matches.forget()

    def close(self) -> None:
        """Let go of what is held. No query runs, and none comes after."""
        self._instance.close()

    def _parts(self, query: FacetQuery) -> list[Rows]:
        """Return the rows of the query's scope: public ones, and the org's private ones."""
        org = self._index.orgs[query.org]
        return [part for part in (self._index.public if query.include_public else org.public, org.private) if part]

    def _select(self, cursor: Cursor, parts: Sequence[Rows], filters: Filters) -> list[Selection] | None:
        """Select the models of each part that pass; None if there is no filter."""
        if not filters:
            return None
        if not filters.needs_reading:
            return [self._selector.select(part, filters, None) for part in parts]
        return [
            self._selector.select(part, filters, partial(self._matches.among, cursor, part, filters)) for part in parts
        ]

    def _count(
        self,
        cursor: Cursor,
        parts: Sequence[Rows],
        selections: Sequence[Selection] | None,
        wanted: Sequence[Facet],
        alone: Facet | None,
    ) -> Counts:
        """Count, over the parts, the models that hold each code of the wanted facets, and all that pass (code 0).

        `alone` is the facet that has the only filter, if it leaves that out: its counts are the unfiltered ones.
        """
        if selections is None:
            return self._totals(parts)
        lists = [
            piece
            for selection in selections
            for piece in self._lists(selection, [facet for facet in wanted if facet != alone])
        ]
        counts = np.zeros(len(self._index.dictionary), dtype=np.int64)
        if any(map(len, lists)):
            table = pa.Table.from_batches([batch for piece in lists for batch in batches(piece, BATCH_ROWS)])
            with cursor.seeing("lists", table):
                columns = cursor.columns(whole("count_codes"), {})
            counts[columns["code"]] = columns["models"]
        if alone is not None and alone in wanted:
            codes = self._index.dictionary.codes_of(alone)
            counts[codes] = self._totals(parts)[codes]
        counts[EVERY_MODEL] = sum(len(selection.passing) for selection in selections)
        return counts

    def _lists(self, selection: Selection, wanted: Sequence[Facet]) -> Iterator[pa.ListArray]:
        """Yield the codes that are to be counted, in lists: of those that pass, and of those that fail one facet."""
        if any(facet.is_list for facet in wanted):
            yield self._columns.lists(selection.passing)
        else:
            for facet in wanted:
                yield _one_a_list(self._columns.own_codes(facet, selection.passing))
        for facet, failing in selection.failing:
            if facet in wanted:
                yield _one_a_list(self._columns.own_codes(facet, failing))

    def _totals(self, parts: Sequence[Rows]) -> Counts:
        """Return the unfiltered counts of the parts."""
        return sum(map(self._index.totals, parts), np.zeros(len(self._index.dictionary), dtype=np.int64))


def _one_a_list(codes: npt.NDArray[np.unsignedinteger]) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(np.arange(len(codes) + 1, dtype=np.int32)), pa.array(codes))
