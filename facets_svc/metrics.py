"""The service's Prometheus metrics: one function per event.

No label has an org, a subject or a value of a request: all label values come from the source code. Without
`use_directory`, the metrics are in this process; with it, they are in files that all workers of a server share.
"""

from __future__ import annotations

import asyncio
import functools
import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, values

DIRECTORY_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"

FLUSH_SECONDS: Final = 0.5
"""Seconds that finished requests wait to be added to the metrics in one batch: a cached answer takes some 50 µs."""

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histograms' buckets, in seconds."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
OTHER: Final = "other"
"""The label of unknown routes and methods, so that clients cannot add series."""


class _BatchHistogram(Histogram):
    """A histogram that adds many observations with one write per bucket."""

    def observe_many(self, observations: Iterable[float]) -> None:
        """Observe each of `observations`."""
        counts = [0] * len(self._buckets)
        total = 0.0
        for seconds in observations:
            total += seconds
            counts[bisect_left(self._upper_bounds, seconds)] += 1
        self._sum.inc(total)
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)


class _Metrics:
    """All metrics of the service, in their own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter(
            "facets_http_requests_total", "Answers sent, also from the response cache.", "route", "method", "status"
        )
        self.request_seconds = _BatchHistogram(
            "facets_http_request_duration_seconds",
            "Time from a request's headers to the end of its answer.",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.in_flight = self._gauge("facets_http_requests_in_flight", "Requests without an answer yet.")
        self.cache = self._counter(
            "facets_response_cache_requests_total",
            "Questions by result of the response cache: hit, miss, or shared (joined a running computation).",
            "result",
        )
        self.cache_bytes = self._gauge("facets_response_cache_bytes", "Bytes of the cached answers.")
        self.cache_entries = self._gauge("facets_response_cache_entries", "Cached answers.")
        self.evictions = self._counter("facets_response_cache_evictions_total", "Answers evicted from the full cache.")
        self.queued = self._gauge("facets_queue_depth", "Queries that wait for a thread.")
        self.running = self._gauge("facets_queries_running", "Queries that run.")
        self.queue_seconds = self._histogram("facets_queue_wait_seconds", "Time that a query waited for a thread.")
        self.rejected = self._counter(
            "facets_rejected_total",
            "Questions answered 429: queue_full, slow_queue (the wait would be too long), rate_limit, sql.",
            "reason",
        )
        self.engine_seconds = self._histogram(
            "facets_engine_seconds", "Time that the engine took for a question.", "question"
        )
        self.encode_seconds = self._histogram("facets_encode_seconds", "Time that encoding an answer took.", "question")
        self.snapshot_created = self._gauge(
            "facets_snapshot_created_timestamp_seconds",
            "When the current snapshot was made; with several workers, the oldest; 0 if a worker has none.",
            mode="livemin",
        )
        self.snapshot_models = self._gauge(
            "facets_snapshot_models", "Models of the current snapshot.", mode="livemostrecent"
        )
        self.swaps = self._counter(
            "facets_snapshot_swaps_total", "Snapshots that were opened to become current.", "result"
        )
        self.poll_errors = self._counter("facets_lake_poll_errors_total", "Polls of the lake that failed.")
        self.lake_unreadable_since = self._gauge(
            "facets_lake_unreadable_since_timestamp_seconds",
            "Since when the lake's current snapshot cannot be loaded; of several workers the latest, 0 while it can.",
            mode="livemax",
        )
        self.sql = self._counter("facets_sql_queries_total", "Queries in SQL by outcome.", "outcome")
        self.sql_running = self._gauge("facets_sql_running", "Queries in SQL that run.")
        self.sql_queued = self._gauge("facets_sql_queued", "Queries in SQL that wait for a process.")
        self.auth_failures = self._counter(
            "facets_auth_failures_total", "Requests answered 401: missing, expired or invalid token.", "reason"
        )
        # Known label values exist from the start, so that the first failure is an increase and not a new series.
        for counter, label_values in (
            (self.cache, ("hit", "miss", "shared")),
            (self.rejected, ("queue_full", "slow_queue", "rate_limit", "sql")),
            (self.swaps, ("success", "failure")),
            (self.auth_failures, ("missing", "expired", "invalid")),
        ):
            for value in label_values:
                counter.labels(value)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, registry=self.registry)

    def _histogram(self, name: str, meaning: str, *labels: str) -> Histogram:
        return Histogram(name, meaning, labels, buckets=SECONDS, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *, mode: str = "livesum") -> Gauge:
        return Gauge(name, meaning, registry=self.registry, multiprocess_mode=mode)  # type: ignore[arg-type]


class _Batch:
    """Requests that are not in the metrics yet. One event loop uses it."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.finished: list[tuple[str, str, int, float, str | None]] = []
        self.scheduled: asyncio.TimerHandle | None = None

    def schedule(self) -> None:
        """Flush after `FLUSH_SECONDS`, or immediately if no event loop runs."""
        try:
            self.scheduled = asyncio.get_running_loop().call_later(FLUSH_SECONDS, flush)
        except RuntimeError:
            flush()


_batch = _Batch()


@functools.cache
def _metrics() -> _Metrics:
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which no query uses
    return _Metrics()


def use_directory(directory: Path) -> None:
    """Write the metrics of this process to files of its own in `directory`. Call it before any other function.

    prometheus-client reads its variable at import, but a forked worker imported it before the fork.
    """
    os.environ[DIRECTORY_VARIABLE] = str(directory)
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    _metrics.cache_clear()
    _metrics()


def registry() -> CollectorRegistry:
    """Return the registry with the metrics of this process."""
    return _metrics().registry


def request_started() -> None:
    """Count a request as in flight until `request_finished`."""
    _batch.in_flight += 1
    if _batch.scheduled is None:
        _batch.schedule()


def request_finished(route: str | None, method: str, status: int, seconds: float, *, cache: str | None = None) -> None:
    """Count an answer. `route` is a template (None: unknown route), `seconds` the time since the request's headers.

    `cache` is the result of the response cache: hit, miss or shared; None if the request did not use the cache.
    """
    _batch.in_flight -= 1
    _batch.finished.append((route or OTHER, method if method in METHODS else OTHER, status, seconds, cache))
    if _batch.scheduled is None:
        _batch.schedule()


def cache_changed(*, added_bytes: int, added: int, evicted: int = 0) -> None:
    """Add the change of the response cache in bytes and answers, negative if it shrank, and the evicted answers."""
    metrics = _metrics()
    metrics.cache_bytes.inc(added_bytes)
    metrics.cache_entries.inc(added)
    if evicted:
        metrics.evictions.inc(evicted)


def queue_changed(queue: str, *, taken: int, running: int) -> None:
    """Set the number of taken places of a queue (`query` or `sql`): at most `running` of them run, the rest wait."""
    metrics = _metrics()
    gauges = (metrics.running, metrics.queued) if queue == "query" else (metrics.sql_running, metrics.sql_queued)
    gauges[0].set(min(taken, running))
    gauges[1].set(max(0, taken - running))


def rejected(reason: str) -> None:
    """Count a question that was rejected with 429."""
    _metrics().rejected.labels(reason).inc()


def answered(question: str, *, queue_seconds: float, engine_seconds: float, encode_seconds: float) -> None:
    """Observe the times of a computed answer; `question` is the kind of the question."""
    metrics = _metrics()
    metrics.queue_seconds.observe(queue_seconds)
    metrics.engine_seconds.labels(question).observe(engine_seconds)
    metrics.encode_seconds.labels(question).observe(encode_seconds)


def snapshot_opened(created_at: datetime) -> None:
    """Count a snapshot that became current, and set its time of creation."""
    metrics = _metrics()
    metrics.swaps.labels("success").inc()
    metrics.snapshot_created.set(created_at.timestamp())


def snapshot_has(models: int) -> None:
    """Set the number of models of the current snapshot."""
    _metrics().snapshot_models.set(models)


def snapshot_failed() -> None:
    """Count a snapshot that could not be opened."""
    _metrics().swaps.labels("failure").inc()


def poll_failed() -> None:
    """Count a poll of the lake that failed."""
    _metrics().poll_errors.inc()


def lake_unreadable(since: datetime | None) -> None:
    """Set the time since which the lake's current snapshot cannot be loaded; None if it can be."""
    _metrics().lake_unreadable_since.set(0.0 if since is None else since.timestamp())


def sql_finished(outcome: str) -> None:
    """Count a query in SQL by its outcome."""
    _metrics().sql.labels(outcome).inc()


def auth_failed(reason: str) -> None:
    """Count a request without a usable token."""
    _metrics().auth_failures.labels(reason).inc()


def flush() -> None:
    """Add the waiting requests to the metrics. Call it in the event loop that counts them."""
    metrics = _metrics()
    if _batch.scheduled is not None:
        _batch.scheduled.cancel()
        _batch.scheduled = None
    finished, _batch.finished = _batch.finished, []
    metrics.in_flight.set(_batch.in_flight)
    answers: defaultdict[tuple[str, str, int], int] = defaultdict(int)
    seconds_of: defaultdict[str, list[float]] = defaultdict(list)
    results: defaultdict[str, int] = defaultdict(int)
    for route, method, status, seconds, cache in finished:
        if cache is not None:
            results[cache] += 1
        answers[route, method, status] += 1
        seconds_of[route].append(seconds)
    for (route, method, status), count in answers.items():
        metrics.requests.labels(route, method, str(status)).inc(count)
    for cache, count in results.items():
        metrics.cache.labels(cache).inc(count)
    for route, observations in seconds_of.items():
        metrics.request_seconds.labels(route).observe_many(observations)
