"""A sandbox over a lake of two snapshots, in which models change hands and become private."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from typing import Any

import pytest

from facets_svc.lake import Lake
from facets_svc.sandbox.extract import Extracts
from facets_svc.sandbox.messages import Limits
from facets_svc.sandbox.service import Query, SqlAnswer, SqlSandbox
from tests.catalogues import model, publish

EARLIER = [
    model(1, license="mit", tags=["a", "b"]),
    model(2, is_public=False, license="own then"),
    model(3, "rival", license="apache-2.0"),
    model(4, "rival", is_public=False, license="canary"),  # public now
    model(5, "rival", license="canary"),  # private now
    model(6, "rival", license="canary"),  # gone now
    model(7, "rival", is_public=False, license="canary"),  # acme's now
    model(8, is_public=False, license="canary"),  # rival's now
    model(9, "rival", license="public then"),  # acme's and private now
]
NOW = [
    model(1, license="mit", tags=["a", "b"], framework="jax"),
    model(2, is_public=False, license="own now", tags=["c"]),
    model(3, "rival", license="apache-2.0"),
    model(4, "rival", license="open now"),
    model(5, "rival", is_public=False, license="canary"),
    model(7, is_public=False, license="mine now"),
    model(8, "rival", is_public=False, license="canary"),
    model(9, is_public=False, license="mine now"),
]

LIMITS = Limits(rows=1000, bytes=2**20, seconds=60, memory_bytes=512 * 2**20)
"""Generous: a machine that is busy with other tests takes its time."""


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("sandbox")
    publish(EARLIER, folder)
    publish(NOW, folder)
    return Lake.open(str(folder / "lake"))


@pytest.fixture(scope="session")
def extracts(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Extracts:
    return Extracts(lake, tmp_path_factory.mktemp("extracts") / "cache")


@pytest.fixture(scope="session")
async def sandbox(extracts: Extracts) -> AsyncIterator[SqlSandbox]:
    sandbox = SqlSandbox(extracts, limits=LIMITS, processes=2, queue=8)
    async with sandbox.running():
        yield sandbox


Ask = Callable[..., Awaitable[SqlAnswer]]
Rows = Callable[..., Awaitable[list[list[Any]]]]


def asking(sandbox: SqlSandbox, lake: Lake) -> Ask:
    subjects = count()

    async def ask(query: str, *, org: str = "acme", form: str = "json", subject: str = "", **values: Any) -> SqlAnswer:
        current = lake.current()
        assert current is not None
        unique = subject or f"subject {next(subjects)}"
        return await sandbox.ask(Query(subject=unique, org=org, query=query, parameters=values, form=form), current)

    return ask


@pytest.fixture
def ask(sandbox: SqlSandbox, lake: Lake) -> Ask:
    return asking(sandbox, lake)


@pytest.fixture
def rows(ask: Ask) -> Rows:
    async def rows(query: str, **given: Any) -> list[list[Any]]:
        answered: list[list[Any]] = json.loads((await ask(query, **given)).content)["rows"]
        return answered

    return rows
