from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from litestar.types import ASGIApp

from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web.asgi import create_app_for
from tests.service.engines import OracleEngine, row
from tests.web.client import SECRET

ROWS = [
    row("acme", "small", tags=["a", "b"], license="mit", framework="jax", size_category="<100M"),
    row("acme", "large", tags=["a"], license="apache-2.0", task_categories=["chat"], size_category="1B-3B"),
    row("acme", "secret", tags=["hidden"], is_public=False),
    row("rival", "open", tags=["b", "c"], license="mit"),
    row("rival", "canary", tags=["canary"], license="canary", is_public=False),
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def settings() -> Settings:
    return Settings(jwt_secret=SECRET)


@pytest.fixture
def engine() -> OracleEngine | None:
    return OracleEngine(ROWS)


@pytest.fixture
async def service(engine: OracleEngine | None, settings: Settings) -> AsyncIterator[FacetService]:
    """A running service over the engine, or over an empty lake."""

    def open_engine(_snapshot_id: str) -> OracleEngine:
        assert engine is not None
        return engine

    service = FacetService(
        current_id=lambda: engine.snapshot_id if engine else None,
        open_engine=open_engine,
        poll_seconds=3600,
        concurrency=settings.concurrency,
        queue=settings.queue,
        deadline_seconds=settings.deadline_ms / 1000,
        cache_bytes=settings.cache_bytes,
    )
    async with service.running():
        yield service


@pytest.fixture
def app(service: FacetService, settings: Settings) -> ASGIApp:
    return create_app_for(service, settings)
