"""Engines behind the protocol for tests: the oracle over literal rows, and one that waits until it may answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from facets_svc.catalogue import FACETS
from facets_svc.engine.base import Interruption
from facets_svc.facets.answer import FacetAnswer, FacetValues, ValuePage
from facets_svc.facets.query import FacetQuery, ValueQuery
from tests import oracle

CREATED_AT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)

NO_LIMIT = 10**9


def row(org: str, name: str, **columns: Any) -> dict[str, Any]:
    """A raw row; public unless it says otherwise."""
    return {"id": f"{org}/{name}", "org": org, "name": name, "is_public": True, **columns}


class OracleEngine:
    """The oracle as an engine."""

    def __init__(self, rows: Sequence[dict[str, Any]] = (), *, snapshot_id: str = "s1") -> None:
        self._rows, rejects = oracle.clean_catalogue(rows)
        assert not rejects
        self.snapshot_id = snapshot_id
        self.created_at = CREATED_AT
        self.closed = False
        self.threads: set[str] = set()

    def knows(self, org: str) -> bool:
        return any(row.org == org for row in self._rows)

    def answer(self, query: FacetQuery, interruption: Interruption | None = None) -> FacetAnswer:
        assert not self.closed
        assert interruption is None or not interruption.requested
        self.threads.add(threading.current_thread().name)
        listed, everything = (self._ask(query, limit) for limit in (max(query.limits), NO_LIMIT))
        return FacetAnswer(
            listed.total,
            listed.filtered_total,
            tuple(
                FacetValues(
                    tuple(some.values),
                    tuple(some.counts),
                    total_values=sum(count > 0 for count in every.counts),
                    other_count=sum(every.counts) - sum(some.counts),
                )
                for facet in FACETS
                for some, every in [(listed.facets[facet.response_key], everything.facets[facet.response_key])]
            ),
        )

    def values(self, asked: ValueQuery, interruption: Interruption | None = None) -> ValuePage:
        assert interruption is None or not interruption.requested
        every = self._ask(asked.query, NO_LIMIT).facets[asked.facet.response_key]
        pairs = [
            (value, count)
            for value, count in zip(every.values, every.counts, strict=True)
            if count and asked.fragment in oracle.fold(value)
        ]
        pairs.sort(key=lambda pair: (-pair[1], pair[0]) if asked.order == "count" else (0, pair[0]))
        page = pairs[asked.offset : asked.offset + asked.limit]
        return ValuePage(tuple(value for value, _ in page), tuple(count for _, count in page), len(pairs), 0)

    def _ask(self, query: FacetQuery, limit: int) -> oracle.OracleAnswer:
        return oracle.facets(
            self._rows,
            org=query.org,
            include_public=query.include_public,
            search=" ".join(query.terms),
            selected={facet.parameter: query.selected[facet.index] for facet in FACETS},
            limit=limit,
        )

    def close(self) -> None:
        self.closed = True


class WaitingEngine(OracleEngine):
    """Answers when `go` is set, or stops when it is interrupted; `started` counts the queries that began."""

    def __init__(self, rows: Sequence[dict[str, Any]] = (), *, snapshot_id: str = "s1") -> None:
        super().__init__(rows, snapshot_id=snapshot_id)
        self.go = threading.Event()
        self.started = threading.Semaphore(0)
        self.interrupted = threading.Event()

    def answer(self, query: FacetQuery, interruption: Interruption | None = None) -> FacetAnswer:
        assert interruption is not None
        with interruption.stopping_by(self._stop):
            self.started.release()
            assert self.go.wait(20)
        return super().answer(query, interruption)

    def _stop(self) -> None:
        self.interrupted.set()
        self.go.set()
