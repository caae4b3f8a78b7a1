"""The hostile tests over Spark: no private model of others shows, and a hostile value is one like any other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.hostile.test_tenancy import CANARY, ask_both
from tests.hostile.test_values import HOSTILE, ROWS, serving
from tests.oracle import asked_of, clean_catalogue, facets
from tests.spark.conftest import ON_SAIL
from tests.spark.servers import SparkServer
from tests.web.client import ask, bearer

pytestmark = pytest.mark.anyio

PARAMETERS = ["tags", "license", "task_categories", "framework", "size_category"]
FACETS = "/api/v1/org/acme/models/facets"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_strangers_are_told_the_same_with_and_without_others_private_models(
    server: SparkServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    statuses = await ask_both(tmp_path, 120, seed=3, engine=server.endpoint)
    assert set(statuses) <= {200, 304, 400, 401, 403, 404, 405, 422}
    assert statuses[200] > 30
    assert CANARY not in caplog.text


async def test_a_hostile_value_is_found_where_it_stands(server: SparkServer, tmp_path: Path) -> None:
    models, _ = clean_catalogue(ROWS)
    async with serving(tmp_path, engine=server.endpoint, deadline_ms=60_000) as app:
        for number, value in enumerate(HOSTILE):
            parameter = PARAMETERS[number % len(PARAMETERS)]
            answer = await ask(app, f"{FACETS}?{parameter}={quote(value, safe='')}", bearer("acme"))
            asked = asked_of({parameter: [value]})
            right = facets(models, org="acme", include_public=False, search="", asked=asked, limit=10_000)
            assert (answer.status, answer.json) == (200, right.body()), value
        for value in HOSTILE[:-1:3]:
            answer = await ask(app, f"{FACETS}?search={quote(value, safe='')}", bearer("acme"))
            right = facets(models, org="acme", include_public=False, search=value, asked=asked_of({}), limit=10_000)
            assert (answer.status, answer.json) == (200, right.body()), value


@pytest.mark.soak
@ON_SAIL
async def test_two_thousand_requests_show_no_canary(
    server: SparkServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, say: Callable[[str], None]
) -> None:
    caplog.set_level(logging.INFO)
    statuses = await ask_both(tmp_path, 2_000, seed=5, engine=server.endpoint)
    assert CANARY not in caplog.text
    say(
        f"tenancy, {server.version()}: {sum(statuses.values()):,} requests, 0 differences, 0 canary bytes; "
        f"statuses {statuses}"
    )
