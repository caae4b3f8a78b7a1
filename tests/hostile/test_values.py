"""A hostile value is a value like any other: it is found where it stands, and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from litestar.types import ASGIApp

from facets_svc.settings import Settings
from facets_svc.web.app import create_app_with_settings
from tests.catalogues import model, publish
from tests.oracle import asked_of, clean_catalogue, facets
from tests.web.client import SECRET, ask, bearer, started

pytestmark = pytest.mark.anyio

HOSTILE = [
    "' OR '1'='1",
    '" OR ""="',
    "'; DROP TABLE models; --",
    "$tags",
    "$1",
    "?",
    "%",
    "_",
    "%%",
    "\\",
    "\\'",
    "[1]",
    "{}",
    "NULL",
    "null",
    "0",
    "-1",
    "1e999",
    "../../etc/passwd",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "a\tb",
    "a\r\nX-Injected: 1",
    "\u202eevil",
    "👩‍👩‍👧‍👦",
    "é",
    "e\u0301",
    "ſ",
    "İ",
    "\u00ad",
    "\U0010ffff",
    "&tags=x",
    "a=b",
    "a+b",
    "a%20b",
    ",",
    ";",
    "*",
    "x" * 256,
]
SCALARS = ("license", "framework", "size_category")
ROWS = [
    *(
        model(
            number, tags=[value, "held"], license=value, task_categories=[value], framework=value, size_category=value
        )
        for number, value in enumerate(HOSTILE)
    ),
    model(1000, tags=["held"], license="mit"),
]


@asynccontextmanager
async def serving(folder: Path, **settings: Any) -> AsyncIterator[ASGIApp]:
    publish(ROWS, folder, cluster="engine" in settings)
    app = create_app_with_settings(Settings(lake=str(folder / "lake"), jwt_secret=SECRET, threads=1, **settings))
    async with started(app):
        yield app


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[ASGIApp]:
    async with serving(tmp_path) as app:
        yield app


@pytest.mark.parametrize("parameter", ["tags", "license", "task_categories", "framework", "size_category"])
async def test_a_hostile_value_selects_the_models_that_hold_it(app: ASGIApp, parameter: str) -> None:
    models, rejects = clean_catalogue(ROWS)
    assert not rejects
    for value in HOSTILE:
        answer = await ask(app, f"/api/v1/org/acme/models/facets?{parameter}={quote(value, safe='')}", bearer("acme"))
        right = facets(
            models, org="acme", include_public=False, search="", asked=asked_of({parameter: [value]}), limit=10_000
        )
        assert (answer.status, answer.json) == (200, right.body()), value
        assert right.filtered_total == sum(value == other for other in HOSTILE)


async def test_a_hostile_search_finds_what_contains_it(app: ASGIApp) -> None:
    models, _ = clean_catalogue(ROWS)
    for value in HOSTILE[:-1]:
        answer = await ask(app, f"/api/v1/org/acme/models/facets?search={quote(value, safe='')}", bearer("acme"))
        right = facets(models, org="acme", include_public=False, search=value, asked=asked_of({}), limit=10_000)
        assert (answer.status, answer.json) == (200, right.body()), value


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("&".join(f"tags=v{number}" for number in range(100)), 200),
        ("&".join(f"tags=v{number}" for number in range(101)), 422),
        ("tags=%ED%A0%80", 400),  # a surrogate, as no UTF-8 has it
        ("tags=%C0%AF", 400),  # an over-long slash
        ("tags=%F8%88%80%80%80", 400),
        ("tags=%", 400),
        ("tags=%4", 400),
        ("tags=a%00b", 422),
        ("search=%00", 422),
        ("tags=" + "x" * 257, 422),
        ("facet_limit=%31", 200),
        ("facet_limit=%EF%BC%91", 422),  # a full-width 1
        ("include_public=%74rue", 200),
        ("&&&=&", 200),
        ("tags", 200),
    ],
)
async def test_a_broken_query_is_told_so_and_no_other(app: ASGIApp, query: str, status: int) -> None:
    answer = await ask(app, f"/api/v1/org/acme/models/facets?{query}", bearer("acme"))
    assert answer.status == status
    if status != 200:
        assert answer.error == (status, {400: "invalid_error", 422: "validation_error"}[status])
