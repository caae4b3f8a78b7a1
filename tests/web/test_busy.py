"""A busy service refuses what it would have to compute, and nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from litestar.types import ASGIApp

from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web.asgi import create_app_for
from tests.service.engines import WaitingEngine
from tests.web.client import FACETS, SECRET, Answer, ask, bearer, operator
from tests.web.conftest import ROWS
from tests.web.test_models import MODELS, forged, read

pytestmark = pytest.mark.anyio

ACME = bearer("acme")

REFUSED = (FACETS + "?tags=b", FACETS + "?counts=true&facets=tags", FACETS + "/tags?q=x", MODELS)


@pytest.fixture
def settings() -> Settings:
    return Settings(jwt_secret=SECRET, concurrency=1, queue=0, deadline_ms=20_000)


@pytest.fixture
def engine() -> WaitingEngine:
    return WaitingEngine(ROWS)


@pytest.fixture
async def busy(app: ASGIApp, engine: WaitingEngine) -> AsyncIterator[asyncio.Task[Answer]]:
    """The question that takes the only thread."""
    running = asyncio.create_task(ask(app, FACETS, ACME))
    await asyncio.to_thread(engine.started.acquire)
    yield running
    engine.go.set()
    await running


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("target", REFUSED)
async def test_a_full_queue_is_429_for_whatever_has_to_be_computed(app: ASGIApp, target: str) -> None:
    answer = await ask(app, target, ACME)
    assert answer.error == (429, "usage_limit_exceeded_error")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.usefixtures("busy")
async def test_a_spent_rate_is_refused_before_the_queue_is_looked_at(service: FacetService, settings: Settings) -> None:
    limited = replace(settings, rate_limit="1/hour")
    app = create_app_for(service, limited)

    answers = [await ask(app, REFUSED[0], ACME) for _ in range(2)]

    assert [answer.error for answer in answers] == [(429, "usage_limit_exceeded_error")] * 2
    assert [int(answer.headers["retry-after"]) > 3000 for answer in answers] == [False, True]


@pytest.mark.usefixtures("busy")
async def test_what_is_wrong_is_reported_however_busy_the_service_is(app: ASGIApp) -> None:
    assert (await ask(app, FACETS + "?include_public=maybe", ACME)).error == (422, "validation_error")
    assert (await ask(app, FACETS.replace("acme", "rival"), ACME)).error == (403, "forbidden_error")
    assert (await ask(app, FACETS, ("Authorization", "Bearer x"))).error == (401, "authentication_error")
    assert (await ask(app, FACETS + "/colour", ACME)).error == (404, "not_found_error")
    gone = forged(read(""), edition=("gone",))
    assert (await ask(app, f"{MODELS}?cursor={gone}", ACME)).error == (422, "validation_error")


async def test_a_question_that_is_under_way_is_joined(
    app: ASGIApp, engine: WaitingEngine, busy: asyncio.Task[Answer]
) -> None:
    joining = asyncio.create_task(ask(app, FACETS, ACME))
    refused = await ask(app, FACETS + "?tags=a", ACME)
    engine.go.set()

    assert refused.status == 429
    assert ((await joining).status, (await joining).body) == (200, (await busy).body)


@pytest.mark.usefixtures("busy")
async def test_the_log_says_for_which_org_it_was_refused(app: ASGIApp, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "facets_svc.requests"):
        await ask(app, FACETS + "?tags=a", ACME)
        await ask(app, FACETS + "?tags=a", operator())

    lines = [record.__dict__["fields"] for record in caplog.records]
    assert [(line["org"], line["status"], line["sub"]) for line in lines] == [("acme", 429, "tester")] * 2
