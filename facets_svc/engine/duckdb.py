"""The engine: masks choose the models, DuckDB reads their texts and numbers, one pass over their codes counts them.

Public models and the private models of an org are disjoint, so that their counts add: a scope is selected and counted
in two parts. A model that passes counts for all of its codes, one that fails a single *any* facet for its codes of that
facet: so their counts leave their own filter out.

Nothing here depends on rows that the caller may not see, not even the time it takes: an org's rows lie together and no
others are read, and a value that the scope does not hold is looked for like one that nobody knows.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa

from facets_svc.catalogue import FACETS, Facet
from facets_svc.engine.base import Engine, Interruption
from facets_svc.engine.columns import Columns, Postings, read_models
from facets_svc.engine.filters import Filters
from facets_svc.engine.index import Index, Orgs, Rows
from facets_svc.engine.instance import Instance
from facets_svc.engine.matches import Matches
from facets_svc.engine.order import Order
from facets_svc.engine.records import Records, Texts
from facets_svc.engine.selection import Selection, Selector
from facets_svc.engine.statistics import Spreads
from facets_svc.engine.visible import ScopeCounts, Visible, Whereabouts, read_ids
from facets_svc.engine.words import Words
from facets_svc.errors import LakeError
from facets_svc.facets.answer import FacetAnswer, ModelPage, ValuePage
from facets_svc.facets.query import FacetQuery, ModelQuery, RecordQuery, ValueQuery
from facets_svc.facets.values import EVERY_MODEL, Counts
from facets_svc.lake.snapshot import Snapshot

_IDS_AT_ONCE: Final = 65_536
"""Ids that are read between two looks at the interruption, for the record of one model."""


def open_engine(snapshot: Snapshot, *, threads: int, memory_limit: str) -> DuckdbEngine:
    """Verify the index of `snapshot`, load it, and return an engine over it.

    `threads` are DuckDB's, `memory_limit` is such as `2GiB` (empty: DuckDB's own). Raises `SnapshotCorrupt` when the
    files are not what the manifest says, `LakeError` when they cannot be read.
    """
    snapshot.verify(index_only=True)
    try:
        return _opened(snapshot, threads=threads, memory_limit=memory_limit)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).rstrip(".")
        raise LakeError(f"The index of the snapshot {snapshot.id} cannot be read: {reason}.") from error


def _opened(snapshot: Snapshot, *, threads: int, memory_limit: str) -> DuckdbEngine:
    index = Index.read(snapshot)
    columns = Columns(snapshot, facet_of_code=index.dictionary.facets)
    postings = Postings(snapshot, codes=len(index.dictionary))
    matches = Matches(read_models(snapshot), index.public, Words(snapshot, index.public))
    order, texts = Order(snapshot), Texts(snapshot, index.public, readers=threads)
    # What Arrow has read was copied, and Arrow would keep the memory.
    pa.default_memory_pool().release_unused()
    instance = Instance(snapshot.id, threads=threads, memory_limit=memory_limit)
    return DuckdbEngine(snapshot, index, columns, postings, matches, order=order, texts=texts, instance=instance)


class DuckdbEngine:
    """Answers queries over one snapshot, from any thread."""

    def __init__(  # noqa: PLR0913 - what was opened, each by itself
        self,
        snapshot: Snapshot,
        index: Index,
        columns: Columns,
        postings: Postings,
        matches: Matches,
        *,
        order: Order,
        texts: Texts,
        instance: Instance,
    ) -> None:
        self._snapshot = snapshot
        self._index = index
        self._columns = columns
        self._selector = Selector(columns, postings, index.public)
        self._matches = matches
        self._spreads = Spreads(matches.models, index.public)
        self._instance = instance
        self._order = order
        self._texts = texts
        self._visible: Visible | None = None
        self._records = Records(texts, columns, matches.models, index.dictionary, len(index.public))

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
        interruption = interruption or Interruption()
        parts = self._parts(query)
        filters = Filters.of(query, self._index, parts)
        selections = self._select(query.org, parts, filters, interruption)
        wanted = [facet for facet in FACETS if query.wants(facet)]
        counts = self._count(parts, selections, wanted, self._alone(filters), interruption)
        return FacetAnswer(
            total=self._total(query.org, parts),
            filtered_total=int(counts[EVERY_MODEL]),
            facets=self._index.dictionary.list_facets(query, counts, filters.known),
            statistics=self._spreads.over(parts, selections) if query.with_statistics else (),
        )

    def values(self, asked: ValueQuery, interruption: Interruption | None = None) -> ValuePage:
        """Return a page of one facet's values. Raises like `answer`."""
        interruption = interruption or Interruption()
        parts = self._parts(asked.query)
        filters = Filters.of(asked.query, self._index, parts)
        selections = self._select(asked.org, parts, filters, interruption)
        counts = self._count(parts, selections, [asked.facet], self._alone(filters), interruption)
        return self._index.dictionary.page(asked, counts)

    def models(self, asked: ModelQuery, interruption: Interruption | None = None) -> ModelPage:
        """Return a page of the models themselves. Raises like `answer`, and `LakeError` when their file is spoiled."""
        interruption = interruption or Interruption()
        parts = self._parts(asked.query)
        filters = Filters.of(asked.query, self._index, parts)
        selections = self._select(asked.org, parts, filters, interruption)
        passing = parts if selections is None else [selection.passing for selection in selections]
        rows = self._order.page(
            passing, column=asked.order, descending=asked.descending, first=asked.offset, count=asked.limit
        )
        interruption.check()
        filtered_total, end = sum(map(len, passing)), asked.offset + len(rows)
        return ModelPage(
            snapshot_id=self.snapshot_id,
            total=self._total(asked.org, parts),
            filtered_total=filtered_total,
            records=tuple(self._records.read(rows, asked.fields)),
            following=end if end < filtered_total else None,
        )

    def model(self, asked: RecordQuery, interruption: Interruption | None = None) -> dict[str, Any] | None:
        """Return the record of the model of one id, None if it is not in the scope. Raises like `models`.

        The ids of the scope are read, and no others.
        """
        interruption = interruption or Interruption()
        parts = self._parts(asked.query)
        selections = self._select(asked.org, parts, Filters.of(asked.query, self._index, parts), interruption)
        passing = parts if selections is None else [selection.passing for selection in selections]
        for part in passing:
            rows = np.arange(part.first, part.end) if isinstance(part, Rows) else part
            for read in range(0, len(rows), _IDS_AT_ONCE):
                interruption.check()
                some = rows[read : read + _IDS_AT_ONCE]
                ids = self._records.read(some, ("id",))
                found = next((place for place, record in enumerate(ids) if record["id"] == asked.id), None)
                if found is not None:
                    return self._records.read(some[found : found + 1], asked.fields)[0]
        return None

    def forget(self) -> None:
        """Forget what is remembered of earlier queries: a benchmark of what is asked for the first time does it."""
        self._matches.forget()

    def whereabouts(self) -> Whereabouts:
        """Read where the models lie. Raises `LakeError` when that cannot be read."""
        with _reading_ids(self._snapshot):
            ids = read_ids(self._snapshot.index_file("model_ids"))
        return Whereabouts(ids, self._index.public, self._index.orgs)

    def seen_from(self, present: Engine) -> DuckdbEngine:
        """Return this engine so that it shows of its snapshot only what may be shown of an earlier one.

        `present` is over the snapshot in force. Raises `LakeError` when the ids of a snapshot cannot be read.
        """
        with _reading_ids(self._snapshot):
            visible = Visible(read_ids(self._snapshot.index_file("model_ids")), _whereabouts(present))
        pa.default_memory_pool().release_unused()
        seen = copy.copy(self)
        seen._visible = visible  # noqa: SLF001 - it is one of this class
        return seen

    def close(self) -> None:
        """Let go of what is held. No query runs, and none comes after."""
        self._instance.close()
        self._texts.close()

    def _parts(self, query: FacetQuery) -> list[Rows]:
        """Return the rows of the query's scope: public ones, and the org's private ones."""
        org = self._index.orgs[query.org]
        return [part for part in (self._index.public if query.include_public else org.public, org.private) if part]

    def _total(self, org: str, parts: Sequence[Rows]) -> int:
        """Count the models of the parts that may be shown to an org."""
        if self._visible is None:
            return sum(map(len, parts))
        return sum(int(np.count_nonzero(self._visible.mask(part, org))) for part in parts)

    def _alone(self, filters: Filters) -> Facet | None:
        """Return the facet whose counts are the unfiltered ones; none where not all may be shown."""
        return filters.alone if self._visible is None else None

    def _select(
        self, org: str, parts: Sequence[Rows], filters: Filters, interruption: Interruption
    ) -> list[Selection] | None:
        """Select the models of each part that pass and may be shown to an org; None if these are all."""
        interruption.check()
        if self._visible is not None:
            found = self._selected(parts, filters, interruption)
            sides = zip(parts, found, strict=True)
            return [self._visible.narrowed(part, selection, org) for part, selection in sides]
        return self._selected(parts, filters, interruption) if filters else None

    def _selected(self, parts: Sequence[Rows], filters: Filters, interruption: Interruption) -> list[Selection]:
        if not filters.needs_reading:
            return [self._selector.select(part, filters, None) for part in parts]
        with self._instance.cursor(interruption) as cursor:
            return [
                self._selector.select(part, filters, partial(self._matches.among, cursor, part, filters))
                for part in parts
            ]

    def _count(
        self,
        parts: Sequence[Rows],
        selections: Sequence[Selection] | None,
        wanted: Sequence[Facet],
        alone: Facet | None,
        interruption: Interruption,
    ) -> Counts:
        """Count, over the parts, the models that hold each code of the wanted facets, and all that pass (code 0).

        `alone` is the facet that has the only filter, if it leaves that out: its counts are the unfiltered ones.
        """
        if selections is None:
            return self._totals(parts)
        counted = [facet for facet in wanted if facet != alone]
        counts = np.zeros(len(self._index.dictionary), np.int64)
        for part, selection in zip(parts, selections, strict=True):
            counts += self._held(part, selection, counted, interruption)
            for facet, failing in selection.failing:
                if facet in counted:
                    counts += self._columns.count_own(facet, failing, interruption)
        if alone is not None and alone in wanted:
            codes = self._index.dictionary.codes_of(alone)
            counts[codes] = self._totals(parts)[codes]
        counts[EVERY_MODEL] = sum(len(selection.passing) for selection in selections)
        return counts

    def _held(self, part: Rows, selection: Selection, counted: Sequence[Facet], interruption: Interruption) -> Counts:
        """Count which codes those models of a part hold that pass: of these facets at least."""
        passing = selection.passing
        if not any(facet.is_list for facet in counted):
            nothing = np.zeros(len(self._index.dictionary), np.int64)
            return sum((self._columns.count_own(facet, passing, interruption) for facet in counted), nothing)
        if 2 * len(passing) <= len(part):
            return self._columns.count(passing, interruption)
        # The others are fewer.
        failing = np.ones(len(part), np.bool_)
        failing[passing - part.first] = False
        return self._index.totals(part) - self._columns.count(np.flatnonzero(failing) + part.first, interruption)

    def _totals(self, parts: Sequence[Rows]) -> Counts:
        """Return the unfiltered counts of the parts."""
        return sum(map(self._index.totals, parts), np.zeros(len(self._index.dictionary), dtype=np.int64))


def scope_counts(snapshot: Snapshot, present: Engine) -> ScopeCounts:
    """Count the models of an earlier snapshot that each org may be shown; its engine need not be open.

    Raises `SnapshotCorrupt` when its files are not what the manifest says, `LakeError` when they cannot be read.
    """
    with _reading_ids(snapshot), snapshot.lending("index/model_ids.parquet", "index/orgs.parquet") as (ids, orgs):
        public = Rows(0, snapshot.manifest.public_models)
        counts = ScopeCounts(read_ids(str(ids)), Orgs(str(orgs)), public, _whereabouts(present))
    pa.default_memory_pool().release_unused()
    return counts


def _whereabouts(present: Engine) -> Whereabouts:
    if not isinstance(present, DuckdbEngine):
        raise TypeError("Engines of different kinds know nothing of each other's models.")
    return present.whereabouts()


@contextmanager
def _reading_ids(snapshot: Snapshot) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise LakeError(f"The ids of the snapshot {snapshot.id} cannot be read: {error}") from error
