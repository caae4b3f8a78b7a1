"""`/metrics`: access to the metrics, and their collection from all workers."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import logging
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, Final, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from litestar.exceptions import MethodNotAllowedException
from litestar.types import ASGIApp, Receive, Scope, Send
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from facets_svc import metrics
from facets_svc.errors import LakeError, RequestError, SettingsError, Unauthenticated
from facets_svc.settings import Settings
from facets_svc.web import problems

PATH: Final = "/metrics"

REFRESH_SECONDS: Final = 15.0
"""How long the last job's metrics are cached: about the interval of scrapes."""

_OF_JOB: Final = "facets_svc_sync_"
_CREATED: Final = "facets_snapshot_created_timestamp_seconds"
_LIVE_FILE = re.compile(r"gauge_live[a-z]+_(\d+)\.db")
_FORWARDED: Final = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-proto", b"x-real-ip"})
_CGROUP_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")
_REFUSED: Final = "The metrics need the token of FACETS_METRICS_TOKEN."


_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """Access to the metrics: with `token`, or, if it is empty, directly from this machine without a proxy."""

    token: str
    proxies: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Access:
        """Return the access rule of the settings."""
        return cls(settings.metrics_token, settings.trusted_proxies)

    def is_hidden_from(self, client: str | None, header_names: Iterable[bytes]) -> bool:
        """Return whether `/metrics` must look to a client like an unknown path."""
        if self.token:
            return False
        try:
            address = ipaddress.ip_address(client or "")
        except ValueError:
            return True
        # A proxy on this machine has a loopback address, too, but serves other machines.
        by_proxy = any(address in ipaddress.ip_network(proxy) for proxy in self.proxies)
        return not address.is_loopback or by_proxy or any(name in _FORWARDED for name in header_names)

    def check(self, authorization: list[bytes]) -> None:
        """Raise `Unauthenticated` unless the only `Authorization` header has the token, if one is set."""
        if self.token and not (
            len(authorization) == 1 and hmac.compare_digest(authorization[0], f"Bearer {self.token}".encode())
        ):
            raise Unauthenticated(_REFUSED)


class MetricsEndpoint:
    """An ASGI application that answers `/metrics` to clients with access, and passes other requests to `app`."""

    def __init__(self, app: ASGIApp, access: Access, outcome: JobOutcome | None = None) -> None:
        self._app = app
        self._access = access
        self._outcome = outcome

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request for the metrics, or pass it to the application."""
        event = cast("Any", scope)
        if event["type"] != "http" or event["path"] != PATH:
            await self._app(scope, receive, send)
            return
        client, headers = event.get("client"), event["headers"]
        if self._access.is_hidden_from(client[0] if client else None, (name for name, _ in headers)):
            await self._app(scope, receive, send)
            return
        await self._answer(event, [value for name, value in headers if name == b"authorization"], send)

    async def _answer(self, scope: Any, authorization: list[bytes], send: Send) -> None:
        started = time.perf_counter()
        metrics.request_started()
        try:
            self._access.check(authorization)
            if scope["method"] not in ("GET", "HEAD"):
                raise MethodNotAllowedException(headers={"allow": "GET"})
            metrics.flush()
            accept = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"), "")
            body, media_type = await asyncio.to_thread(exposition, accept, outcome=self._outcome)
            status, headers = 200, {"Content-Type": media_type, "Cache-Control": "no-store"}
        except (RequestError, MethodNotAllowedException) as error:
            problem = problems.problem(error)
            status, body = problem.status, problem.body
            headers = problem.headers | {"Content-Type": "application/json"}
        metrics.request_finished(PATH, scope["method"], status, time.perf_counter() - started)
        headers |= {"Content-Length": str(len(body)), "X-Request-Id": os.urandom(16).hex()}
        encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        start: Any = {"type": "http.response.start", "status": status, "headers": encoded}
        await send(start)
        content = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": content, "more_body": False})


class JobOutcome:
    """The metrics of the last job from the lake, cached for `REFRESH_SECONDS`. Thread-safe."""

    def __init__(self, read: Callable[[], bytes | None]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._known: tuple[float, list[Metric]] | None = None

    def collect(self) -> list[Metric]:
        """Return the metrics; none if the lake cannot be read, or if its file is not valid."""
        with self._lock:
            if self._known is None or time.monotonic() - self._known[0] > REFRESH_SECONDS:
                self._known = (time.monotonic(), self._parsed())
            return self._known[1]

    def _parsed(self) -> list[Metric]:
        try:
            text = (self._read() or b"").decode()
            return [metric for metric in text_string_to_metric_families(text) if metric.name.startswith(_OF_JOB)]
        except (LakeError, ValueError) as error:
            _logger.warning("The metrics of the last job cannot be read from the lake: %s", error)
            return []


def exposition(accept: str = "", directory: Path | None = None, outcome: JobOutcome | None = None) -> tuple[bytes, str]:
    """Return the metrics of all workers, in the format that `accept` prefers, and its media type.

    `directory` has the files of the workers (None: the directory of this process, if it has one). `outcome` adds the
    metrics of the last job. Blocks: reads files and the lake.
    """
    if directory is None and (found := os.environ.get(metrics.DIRECTORY_VARIABLE)):
        directory = Path(found)
    encode, media_type = choose_encoder(accept)
    read = CollectorRegistry()
    read.register(_All(directory, outcome))
    return encode(read), media_type


class _All(Collector):
    """The metrics that the workers count, and those that are measured now."""

    def __init__(self, directory: Path | None, outcome: JobOutcome | None) -> None:
        self._directory = directory
        self._outcome = outcome

    def collect(self) -> Iterator[Metric]:
        workers = [os.getpid()] if self._directory is None else list(_living_workers(self._directory))
        for metric in self._counted():
            yield metric
            if metric.name == _CREATED and metric.samples and metric.samples[0].value:
                age = max(0.0, time.time() - metric.samples[0].value)
                yield GaugeMetricFamily("facets_snapshot_age_seconds", "Age of the current snapshot.", value=age)
        yield from _of_processes(workers)
        if self._outcome is not None:
            yield from self._outcome.collect()

    def _counted(self) -> Iterable[Metric]:
        if self._directory is None:
            return metrics.registry().collect()
        merged: Any = MultiProcessCollector
        return cast("Iterable[Metric]", merged(None, path=str(self._directory)).collect())


def _living_workers(directory: Path) -> Iterator[int]:
    """Yield the ids of running workers that write to `directory`, and remove the gauges of dead ones.

    The counters of dead workers stay: a counter must not decrease.
    """
    found = {int(match[1]) for path in directory.iterdir() if (match := _LIVE_FILE.fullmatch(path.name))}
    for pid in sorted(found):
        if _is_running(pid):
            yield pid
        else:
            mark_process_dead(pid, path=str(directory))  # type: ignore[no-untyped-call]


def _is_running(pid: int) -> bool:
    """Return whether the process runs and belongs to this server: another process may have the id by now."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:2]
    except OSError:
        return False
    return state != "Z" and int(parent) in {os.getpid(), os.getppid()}


def _of_processes(pids: list[int]) -> Iterator[Metric]:
    """Yield the resources that all workers use together, under Prometheus' standard names."""
    page, tick = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
    memory = cpu = descriptors = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):  # the process may end now
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            memory += int(fields[21]) * page
            cpu += (int(fields[11]) + int(fields[12])) / tick
            descriptors += len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - only their number matters
    yield GaugeMetricFamily("facets_workers", "Running workers.", value=len(pids))
    yield GaugeMetricFamily("process_resident_memory_bytes", "Memory of all workers.", value=memory)
    yield CounterMetricFamily("process_cpu_seconds_total", "Processor time of all workers that run.", value=cpu)
    yield GaugeMetricFamily("process_open_fds", "Open files of all workers.", value=descriptors)
    yield GaugeMetricFamily("facets_memory_limit_bytes", "Memory limit of the server.", value=_memory_limit())


def _memory_limit() -> float:
    """Return the memory limit of the container, or else the memory of the machine, in bytes."""
    with contextlib.suppress(OSError, ValueError):
        return float(_CGROUP_LIMIT.read_text(encoding="utf-8"))
    return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


@contextlib.contextmanager
def shared_directory() -> Iterator[Path]:
    """Create the folder for the metrics of the workers, and remove it at the end of the block.

    A folder that `PROMETHEUS_MULTIPROC_DIR` names is emptied of an earlier server's files instead, and stays. Raises
    `SettingsError` if it cannot be written.
    """
    given = os.environ.get(metrics.DIRECTORY_VARIABLE)
    if not given:
        made = Path(tempfile.mkdtemp(prefix="facets-svc-metrics-"))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return
    directory = Path(given)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path in directory.glob("*.db"):
            path.unlink()
    except OSError as error:
        reason = error.strerror or error
        raise SettingsError(f"{metrics.DIRECTORY_VARIABLE}: {directory} cannot be written: {reason}.") from None
    yield directory


@contextlib.contextmanager
def serving_on_own_port(settings: Settings, directory: Path, outcome: JobOutcome | None = None) -> Iterator[None]:
    """Serve `/metrics` on `FACETS_METRICS_PORT`, if it is set, from a thread of this process.

    Raises `SettingsError` if the process cannot listen on the port.
    """
    if settings.metrics_port is None:
        yield
        return
    host, port = settings.host, settings.metrics_port
    try:
        application = _wsgi(Access.of(settings), partial(exposition, directory=directory, outcome=outcome))
        server = make_server(host, port, application, server_class=_ThreadingServer, handler_class=_Quiet)
    except OSError as error:
        reason = error.strerror or error
        raise SettingsError(
            f"FACETS_METRICS_PORT: cannot listen on {host} port {port}: {reason}. Choose another port."
        ) from None
    threading.Thread(target=server.serve_forever, name="facets-metrics", daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    timeout = 10

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Log nothing: scrapes come every few seconds."""


def _wsgi(access: Access, expose: Callable[[str], tuple[bytes, str]]) -> Callable[..., list[bytes]]:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        given = environ.get("HTTP_AUTHORIZATION")
        if environ["PATH_INFO"] != PATH:
            start_response("404 Not Found", [("Content-Length", "0")])
            return []
        try:
            access.check([] if given is None else [given.encode("latin-1")])
        except Unauthenticated:
            start_response("401 Unauthorized", [("WWW-Authenticate", "Bearer"), ("Content-Length", "0")])
            return []
        body, media_type = expose(environ.get("HTTP_ACCEPT", ""))
        start_response("200 OK", [("Content-Type", media_type), ("Content-Length", str(len(body)))])
        return [body]

    return application
