"""The engine on DuckDB: what is counted over which rows, and what need not be counted at all.

Public models and the private models of an org are disjoint, so their counts add: a scope is counted in two parts. Every
model's list of codes holds code 0, so that one `GROUP BY` yields the counts and the total.

Nothing here depends on rows that the caller may not see, not even the time it takes: an org's rows lie together and no
others are read, a statement is chosen by public counts, and a value that nobody knows is looked for like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np

from facets_svc.catalogue import FACETS, Facet
from facets_svc.engine.base import Interruption
from facets_svc.engine.filters import Filters
from facets_svc.engine.index import Index, Rows
from facets_svc.engine.instance import Cursor, Instance
from facets_svc.engine.statements import statement
from facets_svc.engine.statistics import statistics
from facets_svc.facets.answer import FacetAnswer, ValuePage
from facets_svc.facets.query import FacetQuery, ValueQuery
from facets_svc.facets.values import EVERY_MODEL, Counts
from facets_svc.lake.snapshot import Snapshot

POSTINGS_SHARE: Final = 8
"""Postings are read, instead of every row, when they hold at most one in so many public models."""

FUSED_FACETS: Final = 2
"""More facets than these are counted at once over the fused lists, rather than each from its own column."""


def open_engine(snapshot: Snapshot, *, threads: int, memory_limit: str) -> DuckdbEngine:
    """Verify the index of `snapshot`, load it, and return an engine over it.

    `threads` are DuckDB's, `memory_limit` is such as `2GiB` (empty: DuckDB's own). Raises `SnapshotCorrupt` when the
    files are not what the manifest says, `LakeError` when they cannot be read.
    """
    snapshot.verify(index_only=True)
    index = Index.read(snapshot)
    instance = Instance(snapshot, codes=len(index.dictionary), threads=threads, memory_limit=memory_limit)
    return DuckdbEngine(snapshot, index, instance)


class DuckdbEngine:
    """Answers queries over one snapshot, from any thread."""

    def __init__(self, snapshot: Snapshot, index: Index, instance: Instance) -> None:
        self._snapshot = snapshot
        self._index = index
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
        filters = Filters.of(query, self._index)
        wanted = [facet for facet in FACETS if query.wants(facet)]
        with self._instance.cursor(interruption or Interruption()) as cursor:
            counts = self._count_parts(cursor, parts, filters, wanted)
            numbers = statistics(cursor, parts, filters) if query.with_statistics else ()
        return FacetAnswer(
            total=sum(map(len, parts)),
            filtered_total=int(counts[EVERY_MODEL]),
            facets=self._index.dictionary.list_facets(query, counts),
            statistics=numbers,
        )

    def values(self, asked: ValueQuery, interruption: Interruption | None = None) -> ValuePage:
        """Return a page of one facet's values. Raises like `answer`."""
        filters = Filters.of(asked.query, self._index)
        with self._instance.cursor(interruption or Interruption()) as cursor:
            counts = self._count_parts(cursor, self._parts(asked.query), filters, [asked.facet])
        return self._index.dictionary.page(asked, counts)

    def close(self) -> None:
        """Let go of what is held. No query runs, and none comes after."""
        self._instance.close()

    def _parts(self, query: FacetQuery) -> tuple[Rows, Rows]:
        """Return the public and the private rows of the query's scope."""
        org = self._index.orgs[query.org]
        return (self._index.public if query.include_public else org.public, org.private)

    def _count_parts(self, cursor: Cursor, parts: Sequence[Rows], filters: Filters, wanted: Sequence[Facet]) -> Counts:
        return sum((self._count(cursor, part, filters, wanted) for part in parts if part), self._no_counts())

    def _count(self, cursor: Cursor, rows: Rows, filters: Filters, wanted: Sequence[Facet]) -> Counts:
        """Count, over some rows, the models that hold each code of the wanted facets, and all that pass (code 0).

        An *any* facet is counted without its own filter.
        """
        if not filters:
            return self._index.totals(rows)
        apart = [facet for facet in wanted if filters.leaves_out(facet)]
        together = [facet for facet in wanted if facet not in apart]
        if len(together) > FUSED_FACETS or any(facet.column not in _OWN_COLUMNS for facet in together):
            counts = self._run(cursor, "codes", rows, filters)
        else:
            counts = self._run(cursor, "models", rows, filters)
            for facet in together:
                counts += self._run(cursor, facet.column, rows, filters)
        for facet in apart:
            codes = self._index.dictionary.codes_of(facet)
            counts[codes] = self._count_alone(cursor, facet, rows, filters.without(facet))[codes]
        return counts

    def _count_alone(self, cursor: Cursor, facet: Facet, rows: Rows, filters: Filters) -> Counts:
        """Count, over the rows that pass the filters, the models that hold each value of one facet."""
        if not filters:
            return self._index.totals(rows)
        return self._run(cursor, facet.column if facet.column in _OWN_COLUMNS else "codes", rows, filters)

    def _run(self, cursor: Cursor, counted: str, rows: Rows, filters: Filters) -> Counts:
        """Count by `sql/facets/count_<counted>.sql`, over some rows or over the holders of a rare value among them."""
        driver = filters.driver(POSTINGS_SHARE) if rows == self._index.public else None
        bounds: dict[str, Any]
        if driver is None:
            found, bounds = "rows", {"first": rows.first, "end": rows.end}
        else:
            found, bounds, filters = "holders", {"drivers": list(driver.codes)}, driver.rest
        parameters = filters.parameters()
        columns = cursor.run(statement(f"count_{counted}", found, frozenset(parameters)), parameters | bounds)
        counts = self._no_counts()
        counts[columns["code"]] = columns["models"]
        return counts

    def _no_counts(self) -> Counts:
        return np.zeros(len(self._index.dictionary), dtype=np.int64)


_OWN_COLUMNS: Final = frozenset({"license", "task_categories", "framework", "size_category"})
"""The facets whose codes have a column of their own; tags are only in the fused lists."""
