"""The application around a service: the gate, the framework behind it, and the service's life from start to end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any

from litestar import Litestar, Request, Response
from litestar.types import ASGIApp

from facets_svc import metrics, tracing
from facets_svc.sandbox.door import SqlDoor
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web import logs, problems
from facets_svc.web.auth import Authenticator
from facets_svc.web.cors import CorsPolicy
from facets_svc.web.gate import Gate, log_unforeseen, request_id_of
from facets_svc.web.metrics import Access, JobOutcome, MetricsEndpoint
from facets_svc.web.rate import RateLimit
from facets_svc.web.routes import handlers
from facets_svc.web.shortcut import Shortcut
from facets_svc.web.tls import TlsPolicy


def create_app_for(
    service: FacetService, settings: Settings, door: SqlDoor | None = None, outcome: JobOutcome | None = None
) -> ASGIApp:
    """Build the application around a service, the door for SQL if there is one, and the last job's metrics.

    Raises `SettingsError` without a usable key.
    """
    limit = RateLimit.of(settings)
    gate = Gate(
        litestar_for(service, settings, limit, door),
        authenticator=Authenticator.of(settings),
        tls=TlsPolicy(required=settings.require_tls, proxies=settings.trusted_proxies),
        cors=CorsPolicy(settings.cors_origins),
        limit=limit,
        shortcut=Shortcut(service, settings),
    )
    return gate if settings.metrics_port else MetricsEndpoint(gate, Access.of(settings), outcome)


def litestar_for(
    service: FacetService, settings: Settings, limit: RateLimit | None = None, door: SqlDoor | None = None
) -> Litestar:
    """Build what stands behind the gate: the routes, and the service that runs while the application does."""

    @asynccontextmanager
    async def serving(_app: Litestar) -> AsyncIterator[None]:
        async with door.running() if door else nullcontext(), service.running(), _looking_on_hangup(service):
            yield
        if limit is not None:
            await limit.close()
        metrics.flush()
        await asyncio.to_thread(tracing.stop)
        logs.flush()

    return Litestar(
        handlers(service, settings, door),
        lifespan=[serving],
        exception_handlers={Exception: _answer_error},
        openapi_config=None,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )


def _answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    problem = problems.problem(error)
    log_unforeseen(problem.status, error, request_id_of(request.scope))
    return Response(problem.body, status_code=problem.status, media_type="application/json", headers=problem.headers)


@asynccontextmanager
async def _looking_on_hangup(service: FacetService) -> AsyncIterator[None]:
    """While open, SIGHUP makes the service look at the lake at once (where signals can be had: in a main thread)."""
    loop = asyncio.get_running_loop()
    with suppress(ValueError, RuntimeError, NotImplementedError):
        loop.add_signal_handler(signal.SIGHUP, service.look_soon)
    try:
        yield
    finally:
        with suppress(ValueError, RuntimeError, NotImplementedError):
            loop.remove_signal_handler(signal.SIGHUP)
