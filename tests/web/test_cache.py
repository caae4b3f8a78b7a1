"""The response cache over HTTP: who gets cached answers, and that they equal computed ones."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import pytest
from litestar.types import ASGIApp

from facets_svc.engine.base import Interruption
from facets_svc.facets.answer import FacetAnswer
from facets_svc.facets.query import FacetQuery
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web.asgi import create_app_for
from facets_svc.web.reading import MAX_REMEMBERED_BYTES
from tests.service.engines import OracleEngine, WaitingEngine
from tests.web.client import FACETS, SECRET, Answer, ask, bearer, operator
from tests.web.conftest import ROWS

pytestmark = pytest.mark.anyio

ACME = bearer("acme")
RIVAL = "/api/v1/org/rival/models/facets"
FIXED = ("X-Request-Id", "r1")
HIT = "cache;desc=hit, queue;dur=0, engine;dur=0, encode;dur=0"


class CountingEngine(OracleEngine):
    """Counts its answers; the first of them fail."""

    answers = 0
    failures = 0

    def answer(self, query: FacetQuery, interruption: Interruption | None = None) -> FacetAnswer:
        self.answers += 1
        if self.answers <= self.failures:
            raise RuntimeError("not yet")
        return super().answer(query, interruption)


@pytest.fixture
def engine() -> CountingEngine:
    return CountingEngine(ROWS)


def same(one: Answer, other: Answer) -> bool:
    return (one.status, one.headers, one.body) == (other.status, other.headers, other.body)


@pytest.mark.parametrize("query", ["", "?facet_limit=1&tags=a", "?include_public=1&search=large", "?tags=nobody"])
async def test_a_cached_answer_is_to_the_byte_what_it_was(app: ASGIApp, engine: CountingEngine, query: str) -> None:
    first, again = [await ask(app, FACETS + query, ACME, FIXED) for _ in range(2)]

    assert same(first, again)
    assert engine.answers == 1
    assert (first.timing != HIT, again.timing) == (True, HIT)


async def test_another_spelling_of_the_same_question_is_the_same_answer(app: ASGIApp, engine: CountingEngine) -> None:
    spellings = ["?tags=a&license=mit", "?license=mit&tags=a", "?tags=a&tags=%61&license=+mit&junk=1"]
    answers = [await ask(app, FACETS + spelling, ACME, FIXED) for spelling in spellings]

    assert answers[2].headers.pop("x-ignored-parameters") == "junk"
    assert all(same(answer, answers[0]) for answer in answers)
    assert engine.answers == 1
    assert [answer.timing == HIT for answer in answers] == [False, True, True]


async def test_head_and_304_come_from_what_is_cached(app: ASGIApp, engine: CountingEngine) -> None:
    first = await ask(app, FACETS + "?facet_limit=1", ACME, FIXED)
    head = await ask(app, FACETS + "?facet_limit=1", ACME, FIXED, method="HEAD")
    has = [("If-None-Match", '"other"'), ("If-None-Match", f"W/{first.headers['etag']}")]
    unchanged = await ask(app, FACETS + "?facet_limit=1", ACME, FIXED, *has)
    changed = await ask(app, FACETS + "?facet_limit=1", ACME, FIXED, has[0])

    assert (head.status, head.headers, head.body, head.timing) == (200, first.headers, b"", HIT)
    assert (unchanged.status, unchanged.body, unchanged.timing) == (304, b"", HIT)
    assert unchanged.headers == {
        name: first.headers[name]
        for name in ("etag", "cache-control", "vary", "x-snapshot-id", "x-facets-truncated", "x-request-id")
    }
    assert same(changed, first)
    assert engine.answers == 1


async def test_a_cached_answer_is_given_only_to_callers_who_may_have_it(app: ASGIApp) -> None:
    for query in ("", "?include_public=true"):
        assert (await ask(app, RIVAL + query, bearer("rival"))).status == 200
        assert (await ask(app, RIVAL + query, bearer("rival"))).timing == HIT
        for caller, status in (
            (ACME, 403),
            (bearer(), 403),
            (bearer("RIVAL"), 403),
            (bearer("rival", exp=1), 401),
            (bearer("rival", secret="another secret of thirty-two bytes or more"), 401),
            (("X", "y"), 401),
        ):
            answer = await ask(app, RIVAL + query, caller, ("If-None-Match", "*"))
            assert (answer.status, b"canary" in answer.body, "etag" in answer.headers) == (status, False, False)


async def test_the_same_question_of_two_orgs_has_two_answers(app: ASGIApp) -> None:
    for query in ("", "?include_public=true", "?tags=b"):
        both = bearer("acme", "rival")
        mine, theirs = await ask(app, FACETS + query, both), await ask(app, RIVAL + query, both)
        again = await ask(app, FACETS + query, both), await ask(app, RIVAL + query, both)
        assert [answer.body for answer in again] == [mine.body, theirs.body]
        assert mine.headers["etag"] != theirs.headers["etag"]
        assert b"hidden" not in theirs.body
        assert b"canary" not in mine.body


async def test_an_operator_shares_a_members_answer_but_not_of_an_org_that_is_unknown(app: ASGIApp) -> None:
    ghost = "/api/v1/org/ghost/models/facets"
    assert (await ask(app, FACETS, ACME)).status == 200
    assert (await ask(app, FACETS, operator())).timing == HIT
    for _ in range(2):
        assert (await ask(app, ghost, bearer("ghost"))).json["total"] == 0
        assert (await ask(app, ghost, operator())).error == (404, "not_found_error")


async def test_what_is_wrong_is_reported_whatever_is_cached(app: ASGIApp) -> None:
    await ask(app, FACETS, ACME)
    for method, target, status in (
        ("POST", FACETS, 405),
        ("GET", FACETS + "?facet_limit=0", 422),
        ("GET", FACETS + "?tags=%zz", 400),
        ("GET", FACETS + "/", 404),
        ("GET", "/api/v1/org/%61cme%2F/models/facets", 404),
        ("GET", "/api/v1/org/%61cme/models/facets", 200),
    ):
        assert (await ask(app, target, ACME, method=method)).status == status


async def test_a_long_request_is_answered_from_what_is_cached_too(app: ASGIApp, engine: CountingEngine) -> None:
    long = FACETS + "?" + "&".join(f"tags={'x' * 200}{number}" for number in range(MAX_REMEMBERED_BYTES // 200 + 1))
    first, again = [await ask(app, long, ACME, FIXED) for _ in range(2)]
    assert same(first, again)
    assert (engine.answers, again.timing) == (1, HIT)


async def test_errors_are_not_cached(app: ASGIApp, engine: CountingEngine) -> None:
    engine.failures = 2
    assert [(await ask(app, FACETS, ACME)).status for _ in range(4)] == [500, 500, 200, 200]
    assert engine.answers == 3


async def test_pages_of_other_origins_may_read_cached_answers_as_others(service: FacetService) -> None:
    app = create_app_for(service, Settings(jwt_secret=SECRET, cors_origins=("https://a.example",)))
    origin = ("Origin", "https://a.example")
    first, again = [await ask(app, FACETS, ACME, FIXED, origin) for _ in range(2)]
    assert same(first, again)
    assert again.timing == HIT
    assert again.headers["vary"] == "Authorization, Accept, Accept-Encoding, Origin"
    assert again.headers["access-control-allow-origin"] == "https://a.example"
    assert "Server-Timing" in again.headers["access-control-expose-headers"]


class TestWithAnotherSnapshot:
    async def test_nothing_of_the_old_one_is_answered(self) -> None:
        engines = {"s1": OracleEngine(ROWS), "s2": OracleEngine(ROWS[:1], snapshot_id="s2")}
        current = ["s1"]
        service = FacetService(
            current_id=lambda: current[0], open_engine=engines.__getitem__, poll_seconds=3600, concurrency=1, queue=1
        )
        async with service.running():
            app = create_app_for(service, Settings(jwt_secret=SECRET))
            old, kept = [await ask(app, FACETS, ACME) for _ in range(2)]
            current[0] = "s2"
            assert (await ask(app, "/api/v1/operator/reload", operator(), method="POST")).status == 200
            new = await ask(app, FACETS, ACME, ("If-None-Match", old.headers["etag"]))

        assert (old.json["total"], kept.timing) == (3, HIT)
        assert (new.status, new.json["total"], new.headers["x-snapshot-id"]) == (200, 1, "s2")
        assert new.timing != HIT


TIMING = re.compile(r"(?:cache;desc=shared, )?queue;dur=(\d+\.\d\d), engine;dur=(\d+\.\d\d), encode;dur=(\d+\.\d\d)")


def durations(timing: str | None) -> tuple[float, ...]:
    match = TIMING.fullmatch(timing or "")
    assert match, timing
    return tuple(map(float, match.groups()))


async def test_an_answer_says_where_its_time_went_to_those_who_are_known(app: ASGIApp) -> None:
    computed = await ask(app, FACETS, ACME)
    assert min(durations(computed.timing)) >= 0
    assert sum(durations(computed.timing)) > 0
    for target, caller in (("/nothing", ACME), (FACETS + "?facet_limit=0", ACME), (RIVAL, ACME)):
        assert durations((await ask(app, target, caller)).timing) == (0, 0, 0)
    for target in (FACETS, "/health/live", "/nothing"):
        assert (await ask(app, target)).timing is None


class TestWithAnEngineThatWaits:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(jwt_secret=SECRET, concurrency=1, queue=1, deadline_ms=200)

    @pytest.fixture
    def engine(self) -> WaitingEngine:
        return WaitingEngine(ROWS)

    async def test_a_query_at_its_deadline_is_504_and_says_that_the_engine_had_it(
        self, app: ASGIApp, engine: WaitingEngine
    ) -> None:
        answer = await ask(app, FACETS, ACME)

        assert answer.error == (504, "gateway_timeout_error")
        assert await asyncio.to_thread(engine.interrupted.wait, 20)
        queued, counted, encoded = durations(answer.timing)
        assert counted > queued + encoded
        while (again := await ask(app, FACETS, ACME)).status in {429, 504}:
            pass
        assert again.status == 200

    async def test_what_waits_past_its_deadline_is_504_and_says_that_it_waited(
        self, app: ASGIApp, service: FacetService, engine: WaitingEngine
    ) -> None:
        blocking = asyncio.ensure_future(service._pool.run(lambda _: engine.go.wait(20)))
        answer = await ask(app, FACETS, ACME)

        assert answer.error == (504, "gateway_timeout_error")
        queued, counted, encoded = durations(answer.timing)
        assert (queued > 0, counted, encoded) == (True, 0, 0)
        engine.go.set()
        await blocking

    async def test_cached_answers_are_given_while_no_thread_is_free(
        self, app: ASGIApp, service: FacetService, engine: WaitingEngine
    ) -> None:
        engine.go.set()
        assert (await ask(app, FACETS, ACME)).status == 200
        engine.go.clear()
        blocking = [asyncio.ensure_future(service._pool.run(lambda _: engine.go.wait(20))) for _ in range(2)]
        await asyncio.sleep(0)

        assert (await ask(app, FACETS + "?tags=a", ACME)).error == (429, "usage_limit_exceeded_error")
        assert [(await ask(app, FACETS, ACME)).timing for _ in range(3)] == [HIT] * 3
        engine.go.set()
        await asyncio.gather(*blocking)

    async def test_a_client_that_leaves_takes_the_answer_from_no_other(
        self, service: FacetService, engine: WaitingEngine
    ) -> None:
        service._deadline_seconds = 20
        app = create_app_for(service, Settings(jwt_secret=SECRET))
        left = asyncio.Event()

        async def receive() -> Any:
            await left.wait()
            return {"type": "http.disconnect"}

        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        leaving = asyncio.ensure_future(app(scope_of(ACME), receive, send))
        await asyncio.to_thread(engine.started.acquire)
        staying = asyncio.ensure_future(ask(app, FACETS, ACME))
        while not (await shared(service)):
            pass
        left.set()
        await leaving
        assert not engine.interrupted.is_set()
        engine.go.set()

        answer = await staying
        assert (sent, answer.status) == ([], 200)
        assert (answer.timing or "").startswith("cache;desc=shared, ")


async def shared(service: FacetService) -> bool:
    """Whether a request has joined the computation of another one."""
    await asyncio.sleep(0.01)
    loaded = service._current.loaded
    assert loaded is not None
    return any(work.waiters > 1 for work in loaded.single_flight._running.values())


def scope_of(*headers: tuple[str, str]) -> Any:
    encoded: Sequence[tuple[bytes, bytes]] = [(name.lower().encode(), value.encode()) for name, value in headers]
    return {
        "type": "http",
        "method": "GET",
        "path": FACETS,
        "raw_path": FACETS.encode(),
        "query_string": b"",
        "headers": encoded,
        "client": ("127.0.0.1", 1),
        "state": {},
    }
