"""Every row of the status table of SEMANTICS.md, and which of two neighbours comes first."""

from __future__ import annotations

import asyncio
import logging

import pytest
from litestar.types import ASGIApp

from facets_svc.engine.base import Interrupted, Interruption
from facets_svc.errors import DeadlineExceeded, LakeError, SnapshotCorrupt
from facets_svc.facets.answer import FacetAnswer
from facets_svc.facets.query import FacetQuery
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from tests.service.engines import OracleEngine, WaitingEngine, row
from tests.web.client import FACETS, RELOAD, SECRET, ask, bearer, operator, statuses

pytestmark = pytest.mark.anyio

ACME = bearer("acme")
EXPIRED = bearer("acme", exp=1)


class TestWhereTlsIsRequired:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(jwt_secret=SECRET, require_tls=True, trusted_proxies=("10.0.0.0/8",))

    async def test_plain_http_is_426_with_upgrade_and_comes_before_the_token(self, app: ASGIApp) -> None:
        for headers in ([], [ACME], [("X-Forwarded-Proto", "https")]):
            answer = await ask(app, FACETS, *headers)
            assert answer.error == (426, "upgrade_required_error")
            assert answer.headers["upgrade"] == "TLS/1.2"

    async def test_it_comes_before_an_unknown_route_too(self, app: ASGIApp) -> None:
        assert (await ask(app, "/nothing")).error == (426, "upgrade_required_error")

    async def test_https_through_a_trusted_proxy_passes(self, app: ASGIApp) -> None:
        answer = await ask(app, FACETS, ACME, ("X-Forwarded-Proto", "https"), peer="10.1.2.3")
        assert answer.status == 200

    async def test_http_through_a_trusted_proxy_does_not(self, app: ASGIApp) -> None:
        for proto in ("http", "https, http", "http, https", "", "https;"):
            answer = await ask(app, FACETS, ACME, ("X-Forwarded-Proto", proto), peer="10.1.2.3")
            assert answer.error == (426, "upgrade_required_error")

    async def test_the_health_routes_are_exempt_and_the_schema_is_not(self, app: ASGIApp) -> None:
        paths = ["/health/live", "/health/ready", "/schema/openapi.json"]
        assert await statuses(app, paths) == [200, 200, 426]


async def test_no_token_is_401_with_the_scheme_that_is_needed(app: ASGIApp) -> None:
    answer = await ask(app)
    assert answer.error == (401, "authentication_error")
    assert answer.headers["www-authenticate"] == 'Bearer realm="facets"'


async def test_a_token_that_proves_nothing_is_401(app: ASGIApp) -> None:
    header, value = ACME
    for wrong in (
        value.replace("Bearer", "Basic"),
        value[:-4],
        "Bearer",
        "Bearer nothing",
        bearer("acme", secret="another secret of thirty-two bytes or more")[1],
    ):
        assert (await ask(app, FACETS, (header, wrong))).error == (401, "authentication_error")


async def test_an_expired_token_is_401_of_its_own_type(app: ASGIApp) -> None:
    assert (await ask(app, FACETS, EXPIRED)).error == (401, "expired_token_error")


async def test_an_unknown_route_without_a_token_is_401(app: ASGIApp) -> None:
    assert (await ask(app, "/nothing")).error == (401, "authentication_error")
    assert (await ask(app, "/nothing", EXPIRED)).error == (401, "expired_token_error")


async def test_another_method_without_a_token_is_401(app: ASGIApp) -> None:
    assert (await ask(app, FACETS, method="POST")).error == (401, "authentication_error")


@pytest.mark.parametrize(
    "target",
    [
        "/nothing",
        "*",
        "/api/v1/org//models/facets",
        "/api/v1/org/models/facets",
        "/api/v1/org/acme%2Fmodels/facets",
        "/api/v1/org/acme%2fb/models/facets",
        "/api/v1/org/%2F/models/facets",
        "/api/v1/org/acme/models/facets/",
        "/api/v1/org/acme/models//facets",
        "//api/v1/org/acme/models/facets",
        "/api/v1/org/acme/b/models/facets",
        "/API/v1/org/acme/models/facets",
        "/api/v1/org/acme/models/facets;x",
        "/api/v1/org/acme/models%2Ffacets",
        "/health/live/",
        "/x/health/live",
        "/health",
        "/schema/",
        "/schema/openapi.json/",
        "/schema/openapi.yaml",
        "/schema/swagger",
        "/api/v1/operator/reload/",
    ],
)
async def test_an_unknown_route_an_empty_segment_and_a_slash_in_the_org_are_404(app: ASGIApp, target: str) -> None:
    assert (await ask(app, target)).error == (401, "authentication_error")
    assert (await ask(app, target, ACME)).error == (404, "not_found_error")


async def test_an_unknown_route_is_404_even_where_its_encoding_is_broken(app: ASGIApp) -> None:
    for target in ("/%zz", "/nothing?x=%ff", "/api/v1/org/a%2Fb%zz/models/facets"):
        assert (await ask(app, target, ACME)).error == (404, "not_found_error")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY", "get"])
async def test_another_method_is_405_and_tells_those_there_are(app: ASGIApp, method: str) -> None:
    answer = await ask(app, FACETS, ACME, method=method)
    assert answer.error == (405, "invalid_error")
    assert answer.headers["allow"] == "GET, HEAD"


async def test_another_method_comes_before_broken_encoding_and_before_the_org(app: ASGIApp) -> None:
    for target in (FACETS + "?tags=%zz", "/api/v1/org/%ff/models/facets", "/api/v1/org/rival/models/facets"):
        assert (await ask(app, target, ACME, method="POST")).error == (405, "invalid_error")


async def test_a_reload_is_a_post(app: ASGIApp) -> None:
    answer = await ask(app, RELOAD, operator())
    assert answer.error == (405, "invalid_error")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("broken", ["%", "%z", "%zz", "%2", "%ff", "%c0%80", "%ed%a0%80", "%f4%90%80%80", "\xff"])
async def test_broken_percent_encoding_is_400_wherever_it_stands(app: ASGIApp, broken: str) -> None:
    for target in (
        f"/api/v1/org/{broken}/models/facets",
        f"{FACETS}?tags={broken}",
        f"{FACETS}?{broken}=1",
        f"{FACETS}?unknown=1&other={broken}",
    ):
        assert (await ask(app, target, ACME)).error == (400, "invalid_error")


async def test_broken_encoding_comes_before_the_slug_and_before_another_org(app: ASGIApp) -> None:
    for org in ("-", "rival"):
        answer = await ask(app, f"/api/v1/org/{org}/models/facets?tags=%zz", ACME)
        assert answer.error == (400, "invalid_error")


@pytest.mark.parametrize("org", ["-", ".", "..", "%20", "a%20b", "a%00", "%C3%A9", "a" * 97, "_a", "a+b", "*"])
async def test_an_org_that_is_no_slug_is_422_before_it_is_another_org(app: ASGIApp, org: str) -> None:
    for caller in (ACME, operator()):
        answer = await ask(app, f"/api/v1/org/{org}/models/facets?include_public=maybe", caller)
        assert answer.error == (422, "validation_error")
        assert [item["loc"] for item in answer.json["errors"]] == [["path", "org"]]


async def test_a_token_for_another_org_is_403_whether_or_not_the_org_exists(app: ASGIApp) -> None:
    answers = [await ask(app, f"/api/v1/org/{org}/models/facets", ACME) for org in ("rival", "ghost", "ACME")]
    assert {answer.error for answer in answers} == {(403, "forbidden_error")}
    assert len({answer.body for answer in answers}) == 1


async def test_no_orgs_and_things_that_are_no_orgs_are_403(app: ASGIApp) -> None:
    for orgs in ([], ["*"], [1], [None], [["acme"]], ["acme "], ["-"]):
        assert (await ask(app, FACETS, bearer(orgs=orgs))).error == (403, "forbidden_error")


async def test_another_org_is_403_before_the_parameters_are_looked_at(app: ASGIApp) -> None:
    answer = await ask(app, "/api/v1/org/rival/models/facets?include_public=maybe", ACME)
    assert answer.error == (403, "forbidden_error")


async def test_wrong_parameters_are_422_with_everything_that_is_wrong(app: ASGIApp) -> None:
    answer = await ask(app, f"{FACETS}?include_public=maybe&facet_limit=0&search={'a' * 257}&tags=%00", ACME)
    assert answer.error == (422, "validation_error")
    assert answer.json["errors"] == [
        {"loc": ["query", "include_public"], "msg": "Should be true, false, 1 or 0.", "type": "bool_parsing"},
        {"loc": ["query", "search"], "msg": "Should have at most 256 characters.", "type": "too_long"},
        {"loc": ["query", "tags"], "msg": "Should not contain NUL.", "type": "nul"},
        {"loc": ["query", "facet_limit"], "msg": "Should be between 1 and 10000.", "type": "out_of_range"},
    ]


async def test_an_operator_who_asks_for_an_unknown_org_gets_404_with_public_models_too(app: ASGIApp) -> None:
    for query in ("", "?include_public=true"):
        answer = await ask(app, f"/api/v1/org/ghost/models/facets{query}", operator())
        assert answer.error == (404, "not_found_error")


async def test_wrong_parameters_come_before_an_unknown_org(app: ASGIApp) -> None:
    answer = await ask(app, "/api/v1/org/ghost/models/facets?include_public=maybe", operator())
    assert answer.error == (422, "validation_error")


async def test_a_member_of_an_org_without_models_gets_zeros(app: ASGIApp) -> None:
    answer = await ask(app, "/api/v1/org/ghost/models/facets", bearer("ghost"))
    assert answer.status == 200
    assert answer.json == {
        "filtered_total": 0,
        "frameworks": [],
        "licenses": [],
        "size_categories": [],
        "tags": [],
        "task_categories": [],
        "total": 0,
    }


async def test_a_reload_that_is_not_an_operators_is_403(app: ASGIApp) -> None:
    assert (await ask(app, RELOAD, ACME, method="POST")).error == (403, "forbidden_error")
    assert (await ask(app, RELOAD, method="POST")).error == (401, "authentication_error")


async def test_an_operators_reload_tells_the_current_snapshot(app: ASGIApp) -> None:
    answer = await ask(app, RELOAD, operator(), method="POST")
    assert (answer.status, answer.json) == (200, {"snapshot_id": "s1"})


async def test_a_reload_while_one_runs_is_409(app: ASGIApp, service: FacetService) -> None:
    service._reloading = True
    assert (await ask(app, RELOAD, operator(), method="POST")).error == (409, "conflict_error")


class TestWithAFullQueue:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(jwt_secret=SECRET, concurrency=1, queue=0)

    @pytest.fixture
    def engine(self) -> WaitingEngine:
        return WaitingEngine([row("acme", "one")])

    async def test_it_is_429_with_a_time_to_come_back_and_comes_before_an_unknown_org(
        self, app: ASGIApp, engine: WaitingEngine
    ) -> None:
        running = asyncio.create_task(ask(app, FACETS, ACME))
        await asyncio.to_thread(engine.started.acquire)

        for target, caller in ((FACETS + "?tags=other", ACME), ("/api/v1/org/ghost/models/facets", operator())):
            answer = await ask(app, target, caller)
            assert answer.error == (429, "usage_limit_exceeded_error")
            assert answer.headers["retry-after"] == "1"
        wrong = await ask(app, FACETS + "?include_public=maybe", ACME)
        assert wrong.error == (422, "validation_error")

        engine.go.set()
        assert (await running).status == 200


class TestWithoutASnapshot:
    @pytest.fixture
    def engine(self) -> None:
        return None

    async def test_it_is_502_and_not_ready_but_alive(self, app: ASGIApp) -> None:
        assert (await ask(app, FACETS, ACME)).error == (502, "bad_gateway_error")
        assert (await ask(app, "/api/v1/org/ghost/models/facets", operator())).error == (502, "bad_gateway_error")
        assert (await ask(app, "/health/ready")).error == (502, "bad_gateway_error")
        assert (await ask(app, RELOAD, operator(), method="POST")).error == (502, "bad_gateway_error")
        assert (await ask(app, "/health/live")).status == 200


class FailingEngine(OracleEngine):
    error: Exception = RuntimeError("SELECT the password of /etc/shadow")

    def answer(self, query: FacetQuery, interruption: Interruption | None = None) -> FacetAnswer:
        del query, interruption
        raise self.error


class TestWithAnEngineThatFails:
    @pytest.fixture
    def engine(self) -> FailingEngine:
        return FailingEngine()

    async def test_a_query_at_its_deadline_is_504(self, app: ASGIApp, engine: FailingEngine) -> None:
        for error in (DeadlineExceeded("The query took too long."), Interrupted("stopped")):
            engine.error = error
            assert (await ask(app, FACETS, ACME)).error == (504, "gateway_timeout_error")

    async def test_a_lake_that_cannot_be_read_is_502_and_tells_no_path(
        self, app: ASGIApp, engine: FailingEngine
    ) -> None:
        for error in (LakeError("/srv/lake is gone."), SnapshotCorrupt("/srv/lake/x is torn.")):
            engine.error = error
            answer = await ask(app, FACETS, ACME)
            assert answer.error == (502, "bad_gateway_error")
            assert b"/srv" not in answer.body

    async def test_anything_unforeseen_is_500_and_only_the_log_knows_more(
        self, app: ASGIApp, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = await ask(app, FACETS, ACME, ("X-Request-Id", "req-1"))

        assert answer.error == (500, "server_error")
        assert b"password" not in answer.body
        record = next(record for record in caplog.records if record.levelno == logging.ERROR)
        assert record.__dict__["fields"] == {"request_id": "req-1"}
        assert record.exc_info is not None
        assert "password" in str(record.exc_info[1])
