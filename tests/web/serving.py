"""Serves the rows of the tests with the real server: `python -m tests.web.serving`, settings from the environment.

`FACETS_LAKE` is a folder with a file `CURRENT` that names the snapshot. Queries of the one named `slow` take a second,
of `stuck` as good as for ever; they say in the log when they are interrupted.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from litestar.types import ASGIApp

from facets_svc.engine.base import Interrupted, Interruption
from facets_svc.facets.answer import FacetAnswer
from facets_svc.facets.query import FacetQuery
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web.asgi import create_app_for
from facets_svc.web.logs import REQUESTS
from facets_svc.web.server import serve
from tests.service.engines import OracleEngine
from tests.web.conftest import ROWS

SECONDS = {"slow": 1, "stuck": 600}


class SlowEngine(OracleEngine):
    def answer(self, query: FacetQuery, interruption: Interruption | None = None) -> FacetAnswer:
        interrupted = threading.Event()
        with (interruption or Interruption()).stopping_by(interrupted.set):
            if interrupted.wait(SECONDS[self.snapshot_id]):
                REQUESTS.warning("interrupted")
                raise Interrupted("The query was interrupted.")
        return super().answer(query)


def build(settings: Settings) -> ASGIApp:
    def current_id() -> str | None:
        return (Path(settings.lake) / "CURRENT").read_text().strip() or None

    def open_engine(snapshot_id: str) -> OracleEngine:
        engine = SlowEngine if snapshot_id in SECONDS else OracleEngine
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
