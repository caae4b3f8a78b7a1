from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator

import pytest
from litestar.types import ASGIApp

from facets_svc.errors import SettingsError
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web import rate
from facets_svc.web.asgi import create_app_for
from facets_svc.web.rate import BoundedMemory, RateLimit
from facets_svc.web.server import serve
from tests.web.client import FACETS, RELOAD, SECRET, ask, bearer, operator, statuses
from tests.web.valkey import ValkeyServer

pytestmark = pytest.mark.anyio

ACME = bearer("acme")
OTHER = bearer("acme", sub="another")


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer().running() as server:
        yield server


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


async def refused(limit: RateLimit, subject: str, times: int) -> list[int]:
    """The seconds to wait of each of so many requests, 0 for those that pass."""
    refusals = [await limit.count(subject) for _ in range(times)]
    return [0 if refusal is None else refusal.retry_after_seconds for refusal in refusals]


async def test_a_window_opens_with_its_first_request_and_the_next_one_when_it_ends() -> None:
    clock = Clock()
    limit = RateLimit("2/minute", clock=clock)

    assert await refused(limit, "ann", 3) == [0, 0, 60]
    clock.now += 45.5
    assert await refused(limit, "ann", 1) == [15]
    clock.now += 14.4
    assert await refused(limit, "ann", 1) == [1]
    clock.now += 0.1
    assert await refused(limit, "ann", 3) == [0, 0, 60]


async def test_each_subject_has_its_own_window() -> None:
    limit = RateLimit("1/hour", clock=Clock())
    assert await refused(limit, "ann", 2) == [0, 3600]
    assert await refused(limit, "eve", 2) == [0, 3600]
    assert await refused(limit, "\udcff", 2) == [0, 3600]


async def test_memory_is_bounded_however_many_subjects_come() -> None:
    memory = BoundedMemory(100, Clock())
    for number in range(10_000):
        assert await memory.incr(f"subject {number}", 60) == 1
        assert len(memory) <= 100
    assert await memory.incr("subject 9999", 60) == 2
    assert await memory.incr("subject 0", 60) == 1


async def test_those_who_keep_asking_are_not_forgotten_for_those_who_come_once() -> None:
    limit = RateLimit("1/hour", max_subjects=10, clock=Clock())
    assert await refused(limit, "ann", 1) == [0]
    for number in range(1000):
        assert await refused(limit, f"passer-by {number}", 1) == [0]
        assert await refused(limit, "ann", 1) == [3600]


class TestWhereThreeRequestsAMinuteAreLet:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(jwt_secret=SECRET, rate_limit="3/minute")

    async def test_the_fourth_is_429_with_a_time_to_come_back_cached_answer_or_not(self, app: ASGIApp) -> None:
        assert await statuses(app, [FACETS] * 3, ACME) == [200, 200, 200]
        for target in (FACETS, FACETS + "?tags=never-asked"):
            answer = await ask(app, target, ACME)
            assert answer.error == (429, "usage_limit_exceeded_error")
            assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert (await ask(app, FACETS, OTHER)).status == 200

    async def test_a_subject_is_one_whatever_its_tokens_say_else(self, app: ASGIApp) -> None:
        tokens = [bearer("acme", jti=str(number)) for number in range(4)]
        assert [(await ask(app, FACETS, one)).status for one in tokens] == [200, 200, 200, 429]

    async def test_what_comes_before_it_in_the_table_is_answered_so_and_counts(self, app: ASGIApp) -> None:
        asked = ["/nothing", "/api/v1/org/-/models/facets", "/api/v1/org/rival/models/facets"]
        for _ in range(2):
            assert await statuses(app, [*asked, FACETS + "?tags=%zz", FACETS + "?facet_limit=0"], ACME) == [
                404,
                422,
                403,
                400,
                422,
            ]
        assert (await ask(app, FACETS, ACME)).error == (429, "usage_limit_exceeded_error")

    async def test_unknown_routes_and_other_methods_count(self, app: ASGIApp) -> None:
        assert await statuses(app, ["/nothing", "/nothing/else"], ACME) == [404, 404]
        assert (await ask(app, FACETS, ACME, method="POST")).status == 405
        assert (await ask(app, FACETS, ACME)).status == 429

    async def test_it_comes_before_an_org_that_is_unknown(self, app: ASGIApp) -> None:
        ghost = "/api/v1/org/ghost/models/facets"
        assert await statuses(app, [ghost] * 5, operator()) == [404, 404, 404, 429, 429]

    async def test_a_reload_counts_and_is_refused_too(self, app: ASGIApp) -> None:
        answers = [(await ask(app, RELOAD, operator(), method="POST")).status for _ in range(4)]
        assert answers == [200, 200, 200, 429]

    async def test_a_304_and_a_head_count(self, app: ASGIApp) -> None:
        tag = (await ask(app, FACETS, ACME)).headers["etag"]
        assert (await ask(app, FACETS, ACME, ("If-None-Match", tag))).status == 304
        assert (await ask(app, FACETS, ACME, method="HEAD")).status == 200
        assert (await ask(app, FACETS, ACME, ("If-None-Match", tag))).status == 429

    async def test_requests_without_a_token_count_for_no_subject(self, app: ASGIApp) -> None:
        assert await statuses(app, [FACETS] * 9) == [401] * 9
        assert await statuses(app, ["/health/live", "/schema/openapi.json"] * 5) == [200] * 10
        assert (await ask(app, FACETS, ACME)).status == 200


async def test_by_default_there_is_no_limit(app: ASGIApp) -> None:
    assert await statuses(app, [FACETS] * 50, ACME) == [200] * 50


class TestWithASharedServer:
    @pytest.fixture
    async def replicas(
        self, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[tuple[RateLimit, RateLimit]]:
        monkeypatch.setattr(rate, "SHARED_TIMEOUT_SECONDS", 10.0)
        settings = Settings(rate_limit="4/day", rate_limit_storage=valkey.url)
        first, second = RateLimit.of(settings), RateLimit.of(settings)
        assert first is not None
        assert second is not None
        yield first, second
        await first.close()
        await second.close()

    async def test_replicas_count_together(self, replicas: tuple[RateLimit, RateLimit]) -> None:
        first, second = replicas
        passed = [await limit.count("ann") is None for limit in (first, second) * 3]
        assert passed == [True] * 4 + [False] * 2
        (seconds,) = await refused(first, "ann", 1)
        assert 86_000 <= seconds <= 86_400

    async def test_without_the_server_each_counts_by_itself_until_it_is_back_and_the_log_says_so_once(
        self,
        valkey: ValkeyServer,
        replicas: tuple[RateLimit, RateLimit],
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(rate, "PAUSE_SECONDS", 0.0)
        first, second = replicas
        assert await refused(first, "eve", 3) == [0, 0, 0]

        valkey.stop()
        alone = [await limit.count("eve") is None for limit in (first,) * 6 + (second,)]
        assert alone == [True] * 4 + [False] * 2 + [True]
        valkey.start()
        assert await refused(first, "eve", 4) == [0, 0, 0, 0]

        assert caplog.messages == [
            *["The server of the rate limit does not answer (ConnectionError): this worker counts by itself"] * 2,
            "The server of the rate limit answers again",
        ]
        assert "redis" not in caplog.text

    async def test_a_server_that_accepts_and_says_nothing_holds_no_request_up_for_long(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rate, "SHARED_TIMEOUT_SECONDS", 0.05)
        accepted: list[asyncio.StreamWriter] = []
        mute = await asyncio.start_server(lambda _, writer: accepted.append(writer), "127.0.0.1", 0)
        port = mute.sockets[0].getsockname()[1]
        limit = RateLimit.of(Settings(rate_limit="1/day", rate_limit_storage=f"valkey://127.0.0.1:{port}"))
        assert limit is not None

        assert [seconds > 0 for seconds in await refused(limit, "ann", 2)] == [False, True]

        await limit.close()
        assert accepted
        for writer in accepted:
            writer.close()
            await writer.wait_closed()
        mute.close()

    async def test_the_service_answers_while_the_server_is_away(self, service: FacetService) -> None:
        gone = ValkeyServer()
        settings = Settings(jwt_secret=SECRET, rate_limit="2/day", rate_limit_storage=gone.url)
        app = create_app_for(service, settings)
        assert await statuses(app, [FACETS] * 3, ACME) == [200, 200, 429]


def test_a_server_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkey", None)
    settings = Settings(jwt_secret=SECRET, rate_limit="2/day", rate_limit_storage="redis://127.0.0.1:1")
    with pytest.raises(SettingsError, match="the extra `redis`"):
        serve(settings)


@pytest.mark.parametrize("text", ["600", "0/minute", "-1/minute", "1/fortnight", "1 per minute", "1.5/second", "many"])
def test_a_rate_is_a_number_a_unit(text: str) -> None:
    with pytest.raises(SettingsError, match="FACETS_RATE_LIMIT: "):
        Settings.from_env({"FACETS_RATE_LIMIT": text})
    assert Settings.from_env({"FACETS_RATE_LIMIT": "600/minute"}).rate_limit == "600/minute"


@pytest.mark.parametrize("text", ["secret.example", "http://secret.example", "redis://", "redis://secret.example:x"])
def test_a_storage_is_the_address_of_a_server_and_is_never_shown(text: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.from_env({"FACETS_RATE_LIMIT_STORAGE": text})
    assert "secret.example" not in str(refusal.value)
    settings = Settings.from_env({"FACETS_RATE_LIMIT_STORAGE": "redis://:secret@host:6379/0"})
    assert "secret" not in repr(settings)
