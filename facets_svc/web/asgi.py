"""The ASGI application: the edge, the framework behind it, and the lifespan of the service."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any, cast

from litestar import Litestar, Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from facets_svc import metrics, tracing
from facets_svc.errors import ClientLeft
from facets_svc.sandbox.service import SqlSandbox
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web import logs, problems
from facets_svc.web.auth import Authenticator
from facets_svc.web.cors import CorsPolicy
from facets_svc.web.edge import Edge, exchange_of, log_unexpected
from facets_svc.web.metrics import Access, JobOutcome, MetricsEndpoint
from facets_svc.web.openapi import document_of
from facets_svc.web.page import page_handlers
from facets_svc.web.rate import RateLimit
from facets_svc.web.routes import check_request, question_handlers, service_handlers
from facets_svc.web.schema import schema_handlers
from facets_svc.web.sql import sql_handlers
from facets_svc.web.tls import TlsPolicy


def create_app_for(
    service: FacetService, settings: Settings, sandbox: SqlSandbox | None = None, outcome: JobOutcome | None = None
) -> ASGIApp:
    """Return the application of a service, with a sandbox for SQL and the metrics of the last job if given.

    Raises `SettingsError` without a usable key.
    """
    limit = RateLimit.of(settings)
    edge = Edge(
        litestar_for(service, settings, limit, sandbox),
        authenticator=Authenticator.of(settings),
        tls=TlsPolicy(required=settings.require_tls, proxies=settings.trusted_proxies),
        cors=CorsPolicy(settings.cors_origins),
        limit=limit,
    )
    return edge if settings.metrics_port else MetricsEndpoint(edge, Access.of(settings), outcome)


def document(settings: Settings) -> dict[str, Any]:
    """Return the OpenAPI document of a service with these settings, without starting it."""
    return document_of(_handlers(cast("FacetService", None), settings, None))  # no handler runs


def _handlers(service: FacetService, settings: Settings, sandbox: SqlSandbox | None) -> list[HTTPRouteHandler]:
    documented = [
        *question_handlers(service, settings),
        *sql_handlers(service, sandbox, settings),
        *service_handlers(service),
        *page_handlers(settings),
    ]
    return [*documented, *schema_handlers(lambda: document(settings))]


def litestar_for(
    service: FacetService, settings: Settings, limit: RateLimit | None = None, sandbox: SqlSandbox | None = None
) -> Litestar:
    """Return the framework's application behind the edge: the routes, and the service as its lifespan."""

    @asynccontextmanager
    async def serving(_app: Litestar) -> AsyncIterator[None]:
        with logs.written_by_a_thread():
            async with sandbox.running() if sandbox else nullcontext(), service.running(), _polling_on_hangup(service):
                yield
            if limit is not None:
                await limit.close()
            metrics.flush()
            await asyncio.to_thread(tracing.stop)

    return Litestar(
        _handlers(service, settings, sandbox),
        before_request=check_request,
        lifespan=[serving],
        exception_handlers={Exception: _answer_error},
        openapi_config=None,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )


def _answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    exchange = exchange_of(request.scope)
    if isinstance(error, ClientLeft):
        exchange.leave()
        return Response(b"")
    problem = problems.problem(error)
    log_unexpected(problem.status, error, exchange.id)
    return Response(problem.body, status_code=problem.status, media_type="application/json", headers=problem.headers)


@asynccontextmanager
async def _polling_on_hangup(service: FacetService) -> AsyncIterator[None]:
    """In the block, poll the lake at once on SIGHUP. Does nothing outside of the main thread, which has the signals."""
    loop = asyncio.get_running_loop()
    with suppress(ValueError, RuntimeError, NotImplementedError):
        loop.add_signal_handler(signal.SIGHUP, service.poll_soon)
    try:
        yield
    finally:
        with suppress(ValueError, RuntimeError, NotImplementedError):
            loop.remove_signal_handler(signal.SIGHUP)
