"""The least that the same framework and server can do: one route that returns the bytes in a file.

`python -m benchmarks.bare`, settings from the environment; `BENCHMARK_ANSWER` is the path of a recorded answer.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from litestar import Litestar, Response, get
from litestar.types import ASGIApp

from facets_svc.settings import Settings
from facets_svc.web.server import serve

VARIABLE = "BENCHMARK_ANSWER"


class Recorded(msgspec.Struct, frozen=True):
    """An answer of the service: what the bare handler returns."""

    headers: dict[str, str]
    body: bytes


def build(_settings: Settings) -> ASGIApp:
    """Build an application of one handler."""
    recorded = msgspec.json.decode(Path(os.environ[VARIABLE]).read_bytes(), type=Recorded)

    @get("/api/v1/org/{org:str}/models/facets")
    async def answer(org: str) -> Response[bytes]:  # noqa: ARG001 - parsed by the framework
        return Response(recorded.body, media_type="application/json", headers=recorded.headers)

    return Litestar([answer], openapi_config=None, logging_config=None, debug=False)


if __name__ == "__main__":
    serve(Settings.from_env(os.environ), build)
