"""Traces by OpenTelemetry. Until `start` is called, the library is not imported and the functions do nothing.

A span has the name and duration of a route, statement or stage. It has no org, no subject and no value of a request.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from facets_svc import __version__
from facets_svc.errors import SettingsError

_MISSING: Final = "FACETS_TRACING needs the extra `otel`: pip install 'facets-svc[otel]'."
_PROPAGATED: Final = ("traceparent", "tracestate")


class _Started:
    """OpenTelemetry's modules and the tracer, once they are loaded."""

    def __init__(self) -> None:
        try:
            self.api: Any = importlib.import_module("opentelemetry.trace")
            sdk: Any = importlib.import_module("opentelemetry.sdk.trace")
            resources: Any = importlib.import_module("opentelemetry.sdk.resources")
            export: Any = importlib.import_module("opentelemetry.sdk.trace.export")
            otlp: Any = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
            context: Any = importlib.import_module("opentelemetry.trace.propagation.tracecontext")
        except ImportError:
            raise SettingsError(_MISSING) from None
        ours = resources.Resource({"service.name": "facets-svc", "service.version": __version__})
        self.provider: Any = sdk.TracerProvider(resource=ours.merge(resources.OTELResourceDetector().detect()))
        self.provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
        self.tracer: Any = self.provider.get_tracer("facets_svc", __version__)
        self.propagator: Any = context.TraceContextTextMapPropagator()
        self.offset_ns = time.time_ns() - time.perf_counter_ns()

    def moment(self, seconds: float) -> int:
        """Convert a time of `time.perf_counter` to nanoseconds since 1970."""
        return int(seconds * 1e9) + self.offset_ns


_started: _Started | None = None
_thread = threading.local()


def start() -> None:
    """Start to send this process's traces by OTLP over HTTP, to the endpoint in the variables `OTEL_…`.

    Raises `SettingsError` without the extra `otel`.
    """
    global _started  # noqa: PLW0603 - a process has one tracer, as OpenTelemetry itself has
    if _started is None:
        _started = _Started()


def require() -> None:
    """Raise `SettingsError` if the extra `otel` is not installed, without importing it."""
    try:
        there = importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        there = False
    if not there:
        raise SettingsError(_MISSING)


def stop() -> None:
    """Send the waiting spans, and stop tracing. May block for seconds."""
    global _started  # noqa: PLW0603
    if _started is not None:
        _started.provider.shutdown()
        _started = None


def request_started(headers: Mapping[bytes, bytes]) -> Any:
    """Start the span of a request, in the caller's trace if it sent a `traceparent`. Returns None if not started."""
    if _started is None:
        return None
    carrier = {name: headers[name.encode()].decode("latin-1") for name in _PROPAGATED if name.encode() in headers}
    parent = _started.propagator.extract(carrier)
    return _started.tracer.start_span("request", context=parent, kind=_started.api.SpanKind.SERVER)


def trace_id(span: Any) -> str | None:
    """Return the id of a span's trace in hex, as in the logs."""
    return None if span is None else format(span.get_span_context().trace_id, "032x")


def request_finished(span: Any, *, method: str, route: str | None, status: int, stages: Any = None) -> None:
    """End the span of a request; `stages` has the times of its computation, if there was one."""
    if span is None or _started is None:
        return
    span.update_name(f"{method} {route or 'other'}")
    span.set_attribute("http.request.method", method)
    span.set_attribute("http.response.status_code", status)
    if route is not None:
        span.set_attribute("http.route", route)
    if status >= 500:
        span.set_status(_started.api.StatusCode.ERROR)
    if stages is not None:
        _add_stages(_started, span, stages)
    span.end()


def _add_stages(started: _Started, span: Any, stages: Any) -> None:
    context = started.api.set_span_in_context(span)
    spans = (("queue", stages.begun, stages.started), ("engine", stages.started, stages.counted))
    for name, begin, end in (*spans, ("encode", stages.counted, stages.encoded)):
        if begin is not None and end is not None:
            child = started.tracer.start_span(name, context=context, start_time=started.moment(begin))
            if name == "engine" and stages.statements:
                child.set_attribute("db.system.name", "duckdb")
                child.set_attribute("db.operation.name", ", ".join(stages.statements))
            child.end(end_time=started.moment(end))


def statement_ran(name: str) -> None:
    """Record the name of a statement of `sql/` that this thread runs, for the `statements` block around it."""
    names: dict[str, None] | None = getattr(_thread, "names", None)
    if names is not None:
        names[name] = None


@contextmanager
def statements() -> Iterator[Iterable[str]]:
    """Collect the names of the statements that this thread runs in the block, each name once."""
    if _started is None:
        yield ()
        return
    names: dict[str, None] = {}
    _thread.names = names
    try:
        yield names
    finally:
        _thread.names = None


@contextmanager
def span(name: str) -> Iterator[None]:
    """Trace the block as a child of the span around it. An error in the block marks the span as failed."""
    if _started is None:
        yield
        return
    with _started.tracer.start_as_current_span(name):
        yield
