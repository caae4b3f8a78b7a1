"""Engines behind the protocol for tests: the oracle over literal rows, and one that waits until it may answer."""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from facets_svc.catalogue import FACETS
from facets_svc.engine.base import Engine, Interruption
from facets_svc.facets.answer import Bin, FacetAnswer, FacetValues, ModelPage, Statistics, ValuePage
from facets_svc.facets.query import FacetQuery, ModelQuery, RecordQuery, ValueQuery
from tests import oracle

CREATED_AT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


def row(org: str, name: str, **columns: Any) -> dict[str, Any]:
    """A raw row; public unless it says otherwise."""
    return {"id": f"{org}/{name}", "org": org, "name": name, "is_public": True, **columns}


def _asked(query: FacetQuery) -> dict[str, oracle.Asked]:
    return {
        facet.parameter: oracle.Asked(own.match, frozenset(own.selected), own.missing, frozenset(own.excluded))
        for facet, own in zip(FACETS, query.filters, strict=True)
    }


def _bounds(query: FacetQuery) -> dict[str, Any]:
    bounds: dict[str, Any] = {}
    for asked in query.ranges:
        name = asked.measure.column.removesuffix("_at")
        lower, upper = ("after", "before") if asked.measure.is_time else ("min", "max")
        bounds |= {f"{name}_{lower}": asked.minimum, f"{name}_{upper}": asked.maximum}
    return {name: bound for name, bound in bounds.items() if bound is not None}


def _statistics(told: dict[str, Any]) -> Statistics:
    return Statistics(
        count=told["count"],
        minimum=told["min"],
        maximum=told["max"],
        mean=None if told["mean"] is None else float(told["mean"]),
        quartiles=told["quartiles"] and tuple(told["quartiles"]),
        histogram=tuple(Bin(**each) for each in told["histogram"]),
    )


class OracleEngine:
    """The oracle as an engine."""

    def __init__(self, rows: Sequence[dict[str, Any]] = (), *, snapshot_id: str = "s1") -> None:
        self._rows, rejects = oracle.clean_catalogue(rows)
        assert not rejects
        self.snapshot_id = snapshot_id
        self.created_at = CREATED_AT
        self.closed = False
        self._present: Sequence[oracle.Model] | None = None
        self.threads: set[str] = set()

    def knows(self, org: str) -> bool:
        return any(row.org == org for row in self._rows)

    def answer(self, query: FacetQuery, interruption: Interruption | None = None) -> FacetAnswer:
        assert not self.closed
        assert interruption is None or not interruption.requested
        self.threads.add(threading.current_thread().name)
        answer = oracle.facets(
            self._visible(query.org),
            org=query.org,
            include_public=query.include_public,
            search=" ".join(query.terms),
            asked=_asked(query),
            bounds=_bounds(query),
            limit=0,
            limits={facet.parameter: query.limits[facet.index] for facet in FACETS},
            wanted=[facet.response_key for facet in FACETS if query.wants(facet)],
            counts=query.with_statistics or query.with_timeline,
        )
        return FacetAnswer(
            answer.total,
            answer.filtered_total,
            tuple(
                FacetValues(tuple(listed.values), tuple(listed.counts), *answer.unlisted.get(key, ()))
                for key, listed in answer.facets.items()
            ),
            tuple((column, _statistics(told)) for column, told in answer.stats.items()),
            tuple(answer.timeline),
        )

    def values(self, asked: ValueQuery, interruption: Interruption | None = None) -> ValuePage:
        assert interruption is None or not interruption.requested
        query = asked.query
        found = oracle.find(
            self._visible(query.org),
            org=query.org,
            include_public=query.include_public,
            search=" ".join(query.terms),
            asked=_asked(query),
            bounds=_bounds(query),
        )
        page = oracle.page(
            found,
            asked.facet.parameter,
            q=asked.fragment,
            sort=asked.order,
            offset=asked.offset,
            limit=asked.limit,
        )
        return ValuePage(tuple(page.listed.values), tuple(page.listed.counts), page.total_values, page.missing_count)

    def models(self, asked: ModelQuery, interruption: Interruption | None = None) -> ModelPage:
        assert interruption is None or not interruption.requested
        query = asked.query
        found = oracle.find(
            self._visible(query.org),
            org=query.org,
            include_public=query.include_public,
            search=" ".join(query.terms),
            asked=_asked(query),
            bounds=_bounds(query),
        )
        right = oracle.listed(found, ("-" if asked.descending else "") + asked.order)
        end = asked.offset + asked.limit
        return ModelPage(
            snapshot_id=self.snapshot_id,
            total=right.total,
            filtered_total=len(right.records),
            records=tuple(
                {name: record[name] for name in asked.fields} for record in right.records[asked.offset : end]
            ),
            following=end if end < len(right.records) else None,
        )

    def model(self, asked: RecordQuery, interruption: Interruption | None = None) -> dict[str, Any] | None:
        query = ModelQuery(query=asked.query, fields=tuple(dict.fromkeys(("id", *asked.fields))), limit=10**9)
        found = [record for record in self.models(query, interruption).records if record["id"] == asked.id]
        return {name: found[0][name] for name in asked.fields} if found else None

    def seen_from(self, present: Engine) -> OracleEngine:
        assert isinstance(present, OracleEngine)
        seen = copy.copy(self)
        seen._present = present._rows
        return seen

    def _visible(self, org: str) -> Sequence[oracle.Model]:
        return self._rows if self._present is None else oracle.seen(self._rows, self._present, org)

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
