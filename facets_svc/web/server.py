"""The server: Granian, with worker processes that run the application."""

from __future__ import annotations

import logging.config
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer
from litestar.types import ASGIApp

from facets_svc import metrics, tracing
from facets_svc.engine import chosen
from facets_svc.lake import Lake
from facets_svc.settings import Settings
from facets_svc.web import logs
from facets_svc.web.app import create_app_with_settings
from facets_svc.web.auth import Authenticator
from facets_svc.web.metrics import JobOutcome, serving_on_own_port, shared_directory
from facets_svc.web.rate import RateLimit
from facets_svc.web.tls import TlsPolicy

HEADER_READ_TIMEOUT_MILLISECONDS: Final = 5_000
"""How long a client may take to send its headers. An idle connection takes the place of a busy one."""

CONNECTIONS: Final = 4096
"""Connections of a worker, at most. The admission queue limits the work of their requests."""

STOP_SECONDS: Final = 30
"""How long running requests may take to finish when the server stops, before it kills the worker."""

SWITCH_SECONDS: Final = 0.0005
"""How long a thread may hold the interpreter while another waits for it. Python's 5 ms would delay every answer."""


class _Server(MPServer):
    """Granian, but passes SIGHUP on to the workers, which poll the lake.

    Granian itself would replace the workers one by one. That is slower, and connections in the accept queue of an old
    worker's socket are reset unless the kernel moves them.
    """

    def signal_handler_reload(self, *_args: Any, **_kwargs: Any) -> None:
        for worker in self.wrks:
            with suppress(ProcessLookupError):  # a worker that has just died is being replaced
                os.kill(worker.inner.pid, signal.SIGHUP)


def serve(settings: Settings, build: Callable[[Settings], ASGIApp] = create_app_with_settings) -> None:
    """Serve until SIGINT or SIGTERM, then let running requests finish. Raises `SettingsError` before it starts.

    A worker that dies is replaced. Each worker builds its own application with `build`, which is a function of a
    module, and polls for new snapshots itself.
    """
    Authenticator.of(settings)  # an invalid setting must fail here, not in each worker
    TlsPolicy(required=settings.require_tls, proxies=settings.trusted_proxies)
    RateLimit.of(settings)
    if settings.tracing:
        tracing.require()
    chosen.require(settings)
    outcome = JobOutcome(Lake.open(settings.lake, cache=settings.cache_folder).outcome)
    with shared_directory() as directory, serving_on_own_port(settings, directory, outcome):
        _serve(settings, partial(_application, build, settings, directory))


def _serve(settings: Settings, load: Callable[[], ASGIApp]) -> None:
    _Server(
        "facets_svc.web.app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_READ_TIMEOUT_MILLISECONDS),
        websockets=False,
        backlog=CONNECTIONS,
        backpressure=CONNECTIONS,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels(settings.log_level.lower()),
        log_dictconfig=logs.configuration(settings.log_level),
    ).serve(target_loader=load, wrap_loader=False)


def _application(build: Callable[[Settings], ASGIApp], settings: Settings, directory: Path) -> ASGIApp:
    """Return the application. Runs in a worker."""
    sys.setswitchinterval(SWITCH_SECONDS)
    logging.config.dictConfig(logs.configuration(settings.log_level))
    metrics.use_directory(directory)
    return build(settings)
