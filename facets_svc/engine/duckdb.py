"""The engine on DuckDB: which statement of `sql/facets/` counts what.

Public models and the private models of an org are disjoint, so their counts add: a scope is counted in two parts. Every
model's list of codes holds code 0, so that one `GROUP BY` yields the counts and the total.

Nothing here depends on rows that the caller may not see, not even the time it takes: an org's rows lie together and no
others are read, a statement is chosen by public counts, and a value that nobody knows is looked for like any other.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from facets_svc import sql
from facets_svc.catalogue import FACETS, Facet
from facets_svc.engine.base import Interruption
from facets_svc.engine.index import Index, Org, Rows
from facets_svc.engine.instance import Cursor, Instance
from facets_svc.facets.answer import FacetAnswer
from facets_svc.facets.query import FacetQuery
from facets_svc.facets.values import Counts
from facets_svc.lake.snapshot import Snapshot

POSTINGS_SHARE: Final = 8
"""Postings are read, instead of every row, when they hold at most one in so many public models."""

_UNKNOWN_ORG: Final = Org()
_FILTERS: Final = frozenset({"terms", *(facet.response_key for facet in FACETS)})


@dataclass(frozen=True, slots=True)
class _Filters:
    """What narrows a scope: folded terms, and the codes of the selected values by the facet's index."""

    terms: tuple[str, ...]
    codes: tuple[tuple[int, ...], ...]

    def __bool__(self) -> bool:
        return bool(self.terms) or any(self.codes)

    def without(self, facet: Facet) -> _Filters:
        """Return the same filters without the facet's own."""
        return self.with_codes(facet, ())

    def with_codes(self, facet: Facet, codes: tuple[int, ...]) -> _Filters:
        """Return the same filters with other codes for a facet."""
        return _Filters(self.terms, (*self.codes[: facet.index], codes, *self.codes[facet.index + 1 :]))

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of `sql/facets/passing_*.sql` that stand for these filters; none for what has none."""
        lists = {facet.response_key: list(self.codes[facet.index]) for facet in FACETS if self.codes[facet.index]}
        return lists | {"terms": list(self.terms)} if self.terms else lists


@dataclass(frozen=True, slots=True)
class _Driver:
    """A filter to start from: the models that pass it are those that hold one of the codes. The rest is still to do."""

    codes: tuple[int, ...]
    rest: _Filters


@functools.cache
def _statement(counted: str, found: str, narrowed_by: frozenset[str]) -> str:
    """Return the statement that counts `counted` over the models found as `found` that pass filters of these names."""
    passing = sql.load(f"facets/passing_{found}")
    unused = _FILTERS - narrowed_by
    return f"WITH passing AS (\n{passing.without(unused)})\n{sql.load(f'facets/count_{counted}').without(())}"


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
        org = self._index.orgs.get(query.org, _UNKNOWN_ORG)
        parts = (self._index.public if query.include_public else org.public, org.private)
        filters = self._filters(query)
        with self._instance.cursor(interruption or Interruption()) as cursor:
            counts = sum((self._count(cursor, part, filters) for part in parts if part), self._no_counts())
        return self._index.dictionary.answer(query, total=sum(map(len, parts)), counts=counts)

    def close(self) -> None:
        """Let go of what is held. No query runs, and none comes after."""
        self._instance.close()

    def _count(self, cursor: Cursor, rows: Rows, filters: _Filters) -> Counts:
        """Count, over some rows, the models that hold each code: those of an *any* facet without its own filter."""
        if not filters:
            return self._index.totals(rows)
        counts = self._run(cursor, "codes", rows, filters)
        for facet in FACETS:
            if facet.match == "any" and filters.codes[facet.index]:
                codes = self._index.dictionary.codes_of(facet)
                counts[codes] = self._count_facet(cursor, facet, rows, filters.without(facet))[codes]
        return counts

    def _count_facet(self, cursor: Cursor, facet: Facet, rows: Rows, filters: _Filters) -> Counts:
        """Count, over the rows that pass the filters, the models that hold each value of one facet."""
        if not filters:
            return self._index.totals(rows)
        return self._run(cursor, facet.column, rows, filters)

    def _run(self, cursor: Cursor, counted: str, rows: Rows, filters: _Filters) -> Counts:
        """Count by `sql/facets/count_<counted>.sql`, over some rows or over the holders of a rare value among them."""
        driver = self._driver(filters) if rows == self._index.public else None
        bounds: dict[str, Any]
        if driver is None:
            found, bounds = "rows", {"first": rows.first, "end": rows.end}
        else:
            found, bounds, filters = "holders", {"drivers": list(driver.codes)}, driver.rest
        parameters = filters.parameters()
        statement = _statement(counted, found, frozenset(parameters))
        codes, models = cursor.count(statement, parameters | bounds)
        counts = self._no_counts()
        counts[codes] = models
        return counts

    def _driver(self, filters: _Filters) -> _Driver | None:
        """Return the filter to start from, unless too many public models pass even the most selective one."""
        drivers = [
            _Driver(codes[:1], filters.with_codes(facet, codes[1:]))
            if facet.match == "all"
            else _Driver(codes, filters.without(facet))
            for facet, codes in zip(FACETS, filters.codes, strict=True)
            if codes
        ]
        rarest = min(drivers, key=lambda driver: self._public_models(driver.codes), default=None)
        if rarest is None or self._public_models(rarest.codes) * POSTINGS_SHARE > len(self._index.public):
            return None
        return rarest

    def _public_models(self, codes: Sequence[int]) -> int:
        """Return how many public models hold the codes; one that holds several counts for each."""
        totals = self._index.public_totals
        return sum(int(totals[code]) for code in codes if code < len(totals))

    def _filters(self, query: FacetQuery) -> _Filters:
        unknown = len(self._index.dictionary)
        by_facet = []
        for facet in FACETS:
            codes = {self._index.dictionary.code(facet, value) or unknown for value in query.selected[facet.index]}
            by_facet.append(tuple(sorted(codes, key=lambda code: (self._public_models([code]), code))))
        # A long term is likely to be rare, and rules a model out before the others are looked for.
        return _Filters(tuple(sorted(query.terms, key=lambda term: (-len(term), term))), tuple(by_facet))

    def _no_counts(self) -> Counts:
        return np.zeros(len(self._index.dictionary), dtype=np.int64)
