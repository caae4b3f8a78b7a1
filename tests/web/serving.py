"""Serves the rows of the tests with the real server: `python -m tests.web.serving`, settings from the environment.

`FACETS_LAKE` is a folder with a file `CURRENT` that names the snapshot; queries of the one named `slow` take a second.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from litestar.types import ASGIApp

from facets_svc.engine.base import Interruption
from facets_svc.facets.answer import FacetAnswer
from facets_svc.facets.query import FacetQuery
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web.asgi import create_app_for
from facets_svc.web.server import serve
from tests.service.engines import OracleEngine
from tests.web.conftest import ROWS


class SlowEngine(OracleEngine):
    def answer(self, query: FacetQuery, interruption: Interruption | None = None) -> FacetAnswer:
        time.sleep(1)
        return super().answer(query, interruption)


def build(settings: Settings) -> ASGIApp:
    def current_id() -> str | None:
        return (Path(settings.lake) / "CURRENT").read_text().strip() or None

    def open_engine(snapshot_id: str) -> OracleEngine:
        engine = SlowEngine if snapshot_id == "slow" else OracleEngine
        return engine(ROWS, snapshot_id=snapshot_id)

    service = FacetService(
        current_id=current_id,
        open_engine=open_engine,
        poll_seconds=settings.poll_seconds,
        concurrency=settings.concurrency,
        queue=settings.queue,
        deadline_seconds=settings.deadline_ms / 1000,
        cache_bytes=settings.cache_bytes,
    )
    return create_app_for(service, settings)


if __name__ == "__main__":
    serve(Settings.from_env(os.environ), build)
