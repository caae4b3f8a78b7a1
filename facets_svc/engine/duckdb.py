"""The engine on DuckDB: which statement of `sql/facets/` counts what.

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

from facets_svc.catalogue import FACETS, TAGS, Facet
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
        with self._instance.cursor(interruption or Interruption()) as cursor:
            if query.include_public:
                public = self._index.public
                counts = self._count_public(cursor, query)
            else:
                public = org.public
                counts = self._count_rows(cursor, query, public)
            counts = counts + self._count_rows(cursor, query, org.private)
        return self._index.dictionary.answer(query, total=len(public) + len(org.private), counts=counts)

    def close(self) -> None:
        """Let go of what is held. No query runs, and none comes after."""
        self._instance.close()

    def _count_rows(self, cursor: Cursor, query: FacetQuery, rows: Rows) -> Counts:
        """Count over the models of one org and visibility."""
        if not rows:
            return np.zeros(len(self._index.dictionary), dtype=np.int64)
        if not query.is_filtered and rows in self._index.org_totals:
            return self._index.org_totals[rows]
        parameters = self._parameters(query, disjunctive=True) | {"first": rows.first, "end": rows.end}
        return self._run(cursor, "facets/count_rows", parameters)

    def _count_public(self, cursor: Cursor, query: FacetQuery) -> Counts:
        """Count over all public models."""
        if not query.is_filtered:
            return self._index.public_totals
        selected = [facet for facet in FACETS if query.selected[facet.index]]
        alone = selected[0] if len(selected) == 1 and selected[0].match == "any" and not query.terms else None
        parameters = self._parameters(query, disjunctive=alone is None)
        drivers = self._drivers(selected, parameters, is_alone=alone is not None)
        if drivers and self._public_models(drivers) * POSTINGS_SHARE <= len(self._index.public):
            counts = self._run(cursor, "facets/count_postings", parameters | {"drivers": drivers})
        else:
            public = self._index.public
            counts = self._run(cursor, "facets/count_rows", parameters | {"first": public.first, "end": public.end})
        if alone is not None:
            # Its own filter is the only one, and its own counts leave that out: they are the unfiltered ones.
            codes = self._index.dictionary.codes_of(alone)
            counts[codes] = self._index.public_totals[codes]
        return counts

    def _drivers(self, selected: Sequence[Facet], parameters: dict[str, Any], *, is_alone: bool) -> list[int]:
        """Return codes of which every public model that counts holds at least one; none if there are no such codes.

        A model that counts holds every selected tag. It may fail one *any* facet, but not two, unless only those that
        pass count: then it holds a value of the one.
        """
        if TAGS in selected:
            return list(parameters[TAGS.response_key][:1])
        if not is_alone and len(selected) < 2:
            return []
        by_facet = sorted((parameters[facet.response_key] for facet in selected), key=self._public_models)
        return [code for codes in by_facet[:2] for code in codes]

    def _public_models(self, codes: Sequence[int]) -> int:
        """Return how many public models hold the codes, a model counting for each."""
        totals = self._index.public_totals
        return sum(int(totals[code]) for code in codes if code < len(totals))

    def _parameters(self, query: FacetQuery, *, disjunctive: bool) -> dict[str, Any]:
        unknown = len(self._index.dictionary)
        parameters: dict[str, Any] = {
            "disjunctive": disjunctive,
            # A long term is likely to be rare, and rules a model out before the others are looked for.
            "terms": sorted(query.terms, key=lambda term: (-len(term), term)),
        }
        for facet in FACETS:
            codes = {self._index.dictionary.code(facet, value) or unknown for value in query.selected[facet.index]}
            parameters[facet.response_key] = sorted(codes, key=lambda code: (self._public_models([code]), code))
        return parameters

    def _run(self, cursor: Cursor, name: str, parameters: dict[str, Any]) -> Counts:
        codes, models = cursor.count(name, parameters)
        counts = np.zeros(len(self._index.dictionary), dtype=np.int64)
        counts[codes] = models
        return counts
