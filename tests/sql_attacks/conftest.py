"""Two services over the two lakes, and a stranger who asks both; what no answer may hold is looked for in each."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import duckdb
import pytest
from litestar.types import ASGIApp

from facets_svc.sandbox.forkserver import RECURSION
from facets_svc.settings import Settings
from facets_svc.web.app import create_app_with_settings
from tests.sql_attacks.worlds import CANARY, ORG, Worlds
from tests.web.client import SECRET, Answer, ask, bearer, started

ENVIRONMENT = ("CANARY_OF_THE_ATTACKS", "a-secret-of-the-environment")
JSON = ("Content-Type", "application/json")
FACETS = f"/api/v1/org/{ORG}/models/facets"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    """Both lakes; at the end nothing in them has changed, and what was made beside them are the rows of orgs."""
    folder = tmp_path_factory.mktemp("worlds")
    worlds = Worlds.below(folder)
    before = _tree(folder)
    yield worlds
    after = _tree(folder)
    assert {path: after.get(path) for path in before} == before
    made = [path for path in after if path not in before]
    assert made
    extract = r"(world|twin)/cache/sql/\w+/[\w-]+/(public/[\w-]+\.parquet|own/(acme|nobody)/[\w-]+\.(parquet|json))"
    assert [path for path in made if not re.fullmatch(extract, path) and not path.endswith("/nothing.parquet")] == []


def _tree(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="session", autouse=True)
def environment() -> Iterator[None]:
    """A secret of the environment, which the services inherit."""
    name, value = ENVIRONMENT
    os.environ[name] = value
    yield
    del os.environ[name]


@pytest.fixture(scope="session")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for the judge alone, in a process that may recurse as deep as that of a query."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(RECURSION)
    with duckdb.connect() as connection:
        connection.execute("SET errors_as_json = true")
        yield connection
    sys.setrecursionlimit(before)


def settings(lake: Path, **changed: Any) -> Settings:
    """A service of a generous deadline: a machine that is busy with other tests takes its time."""
    given: dict[str, Any] = {
        "lake": str(lake),
        "cache": str(lake.parent / "cache"),
        "jwt_secret": SECRET,
        "sql_enabled": True,
        "sql_deadline_ms": 60_000,
        "sql_memory": 256 * 2**20,
        "sql_rows": 2000,
        "sql_bytes": 2**20,
    }
    return Settings(**given | changed)


@dataclass(frozen=True)
class Stranger:
    """Somebody of an org who asks a service for SQL, and sees to it that no answer holds what it must not."""

    app: ASGIApp
    secrets: tuple[bytes, ...]
    """What stands in no answer: the canary, the secret of the environment, and where the files are."""
    org: str = ORG

    async def post(self, body: Any, *headers: tuple[str, str], method: str = "POST") -> Answer:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {name.lower() for name, _ in headers}
        every = [*headers, *(one for one in (JSON, bearer(self.org)) if one[0].lower() not in given)]
        target = f"/api/v1/org/{self.org}/sql"
        answer = await ask(self.app, target, *every, method=method, body=content)
        told = answer.body + repr(sorted(answer.headers.items())).encode()
        assert not [secret for secret in self.secrets if secret in told], (body, answer.body)
        if answer.status != 200 and method != "HEAD":
            assert answer.error[0] == answer.status
        return answer

    async def sql(self, query: str, parameters: dict[str, Any] | None = None, *headers: tuple[str, str]) -> Answer:
        return await self.post({"query": query, "parameters": parameters or {}}, *headers)

    async def rows(self, query: str) -> list[list[Any]]:
        answer = await self.sql(query)
        assert answer.status == 200, answer.body
        return cast("list[list[Any]]", answer.json["rows"])

    async def facets(self) -> Answer:
        return await ask(self.app, FACETS, bearer(ORG))


@asynccontextmanager
async def opened(lake: Path, **changed: Any) -> AsyncIterator[Stranger]:
    """A stranger before a service over `lake`."""
    app = create_app_with_settings(settings(lake, **changed))
    secrets = (CANARY, "7777777", "7_777_777", ENVIRONMENT[1], str(lake.parent), "visibility=", "now.parquet")
    async with started(app):
        yield Stranger(app, tuple(secret.encode() for secret in secrets))


@asynccontextmanager
async def served(lake: Path, **changed: Any) -> AsyncIterator[Stranger]:
    """The same, once queries can be run: a short deadline may come before everything is there."""
    async with opened(lake, **changed) as stranger:
        while (await stranger.sql("SELECT count(*) FROM models_at('first'), snapshots")).status != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        yield stranger


@pytest.fixture(scope="session")
async def stranger(worlds: Worlds) -> AsyncIterator[Stranger]:
    """One who asks where others hide something."""
    async with served(worlds.world) as stranger:
        yield stranger


@pytest.fixture(scope="session")
async def twin(worlds: Worlds) -> AsyncIterator[Stranger]:
    """The same one, where nobody hides anything."""
    async with served(worlds.twin) as stranger:
        yield stranger
