"""A lake in memory under a real service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from facets_svc.engine.base import Engine
from facets_svc.service.facets import FacetService
from tests.service.engines import OracleEngine


class Lake:
    """A lake in memory: which id is current, and the engine of each."""

    def __init__(self, *engines: OracleEngine) -> None:
        self.engines: dict[str, Engine | Exception] = {engine.snapshot_id: engine for engine in engines}
        self.current: str | Exception | None = engines[0].snapshot_id if engines else None
        self.opened: list[str] = []

    def current_id(self) -> str | None:
        if isinstance(self.current, Exception):
            raise self.current
        return self.current

    def open_engine(self, snapshot_id: str) -> Engine:
        self.opened.append(snapshot_id)
        engine = self.engines[snapshot_id]
        if isinstance(engine, Exception):
            raise engine
        return engine

    def service(
        self,
        *,
        poll_seconds: float = 3600,
        concurrency: int = 2,
        queue: int = 8,
        deadline_seconds: float = 20,
        cache_bytes: int = 1 << 20,
    ) -> FacetService:
        return FacetService(
            current_id=self.current_id,
            open_engine=self.open_engine,
            poll_seconds=poll_seconds,
            concurrency=concurrency,
            queue=queue,
            deadline_seconds=deadline_seconds,
            cache_bytes=cache_bytes,
        )


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - the test's timeout ends it
        await asyncio.sleep(0.01)
