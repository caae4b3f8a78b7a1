from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from litestar import Litestar
from litestar.types import ASGIApp

from facets_svc.errors import SettingsError
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web.asgi import litestar_for
from facets_svc.web.auth import Authenticator
from facets_svc.web.cors import CorsPolicy
from facets_svc.web.edge import Edge
from facets_svc.web.logs import JsonFormatter
from facets_svc.web.tls import TlsPolicy
from tests.service.engines import WaitingEngine
from tests.web.client import FACETS, RELOAD, SECRET, ask, bearer, token

pytestmark = pytest.mark.anyio

ACME = bearer("acme")


async def test_health_the_schema_and_the_pages_are_open_and_nothing_else(
    app: ASGIApp, service: FacetService, settings: Settings
) -> None:
    paths = {route.path.replace("{org:str}", "acme") for route in litestar_for(service, settings).routes}
    paths |= {FACETS, RELOAD, "/", "/schema", "/docs", "/metrics", "/schema/redoc", "/schema/openapi.yml"}
    every = {prefix + path + suffix for path in paths for prefix in ("", "/x", "/") for suffix in ("", "/", "x", "/x")}
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]

    opened = {path for path in every for method in methods if (await ask(app, path, method=method)).status != 401}

    page = {"/", "/schema", "/schema/start.js", "/schema/swagger-ui-bundle.js", "/schema/swagger-ui.css"}
    below_assets = {path for path in opened if path.startswith("/assets/")}
    assert opened - below_assets == {"/health/live", "/health/ready", "/schema/openapi.json", "/metrics"} | page
    # The page's files have hashes in their names: whatever else stands there is no file.
    assert {(await ask(app, path)).status for path in below_assets} == {404}


async def test_a_request_id_is_made_or_taken_over_if_it_is_a_sane_one(app: ASGIApp) -> None:
    for given in ("r1", "a-b_c.D", "x" * 64):
        assert (await ask(app, "/health/live", ("X-Request-Id", given))).headers["x-request-id"] == given
    made = {
        (await ask(app, "/health/live", ("X-Request-Id", given))).headers["x-request-id"]
        for given in ("", "x" * 65, "a b", "a\nb", "é", '"', "r1,r2")
    }
    assert len(made) == 7
    assert all(len(one) == 32 for one in made)


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.__dict__["fields"] for record in caplog.records if record.name == "facets_svc.requests"]


async def test_each_request_leaves_one_line_and_no_token_or_query(
    app: ASGIApp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await ask(app, FACETS + "?tags=private-matter", ACME, ("X-Request-Id", "r1"))
    await ask(app, "/nothing/" + "x" * 500, ("X-Request-Id", "r2"))
    await ask(app, "/api/v1/org/rival/models/facets", ACME, ("X-Request-Id", "r3"), method="PURGE" * 99)

    first, second, third = lines(caplog)
    for line in (first, second, third):
        assert line.pop("ms") >= 0
    assert first == {
        "request_id": "r1",
        "method": "GET",
        "route": "/api/v1/org/{org}/models/facets",
        "org": "acme",
        "status": 200,
        "snapshot": "s1",
        "sub": "tester",
    }
    assert second == {
        "request_id": "r2",
        "method": "GET",
        "route": ("/nothing/" + "x" * 500)[:200],
        "org": None,
        "status": 401,
        "snapshot": None,
        "sub": None,
    }
    assert (third["status"], third["method"], third["org"]) == (405, "PURGEPURGEPURGEP", None)
    written = "".join(JsonFormatter().format(record) for record in caplog.records)
    for secret in (ACME[1], ACME[1].split(".")[-1], "private-matter", SECRET):
        assert secret not in written


def test_a_log_line_is_one_json_object() -> None:
    record = logging.LogRecord("facets_svc.x", logging.ERROR, "x.py", 1, "What\n%s", ("happened",), None)
    record.__dict__["fields"] = {"request_id": "r1", "what": "ü\n"}

    line = JsonFormatter().format(record)

    assert "\n" not in line
    assert {**json.loads(line), "time": ""} == {
        "time": "",
        "level": "error",
        "logger": "facets_svc.x",
        "message": "What\nhappened",
        "request_id": "r1",
        "what": "ü\n",
    }


def edge_around(app: Any, settings: Settings) -> Edge:
    return Edge(app, authenticator=Authenticator.of(settings), tls=TlsPolicy(required=False), cors=CorsPolicy())


async def test_what_escapes_the_framework_is_answered_with_the_envelope(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_scope: Any, _receive: Any, _send: Any) -> None:
        raise RuntimeError("a secret of the inside")

    answer = await ask(edge_around(broken, settings), FACETS, ACME, ("X-Request-Id", "r1"))

    assert answer.error == (500, "server_error")
    assert b"secret" not in answer.body
    assert "a secret of the inside" in caplog.text


async def test_an_answer_that_breaks_half_way_is_not_made_to_look_whole(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        await ask(edge_around(broken, settings), FACETS, ACME)
    assert "half way" in caplog.text


async def test_the_frameworks_own_errors_have_the_envelope_and_echo_nothing(settings: Settings) -> None:
    bare = edge_around(Litestar([], openapi_config=None, logging_config=None), settings)
    assert (await ask(bare, FACETS, ACME)).status == 404  # the framework's own, without our handler

    async with FacetService(
        current_id=lambda: None, open_engine=lambda _: WaitingEngine(), poll_seconds=9, concurrency=1, queue=0
    ).running() as service:
        answer = await ask(edge_around(litestar_for(service, settings), settings), FACETS, ACME, ("Host", "a b/" * 99))
    assert answer.error == (400, "invalid_error")
    assert answer.json["detail"] == "Bad Request."


class TestWhenTheClientLeaves:
    @pytest.fixture
    def engine(self) -> WaitingEngine:
        return WaitingEngine()

    async def test_its_query_is_interrupted_and_nothing_is_sent(
        self, app: ASGIApp, engine: WaitingEngine, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        left = asyncio.Event()
        sent: list[Any] = []

        async def receive() -> Any:
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope: Any = {
            "type": "http",
            "method": "GET",
            "path": FACETS,
            "raw_path": FACETS.encode(),
            "query_string": b"",
            "headers": [(b"authorization", f"Bearer {token('acme')}".encode())],
            "client": ("127.0.0.1", 1),
            "state": {},
        }
        running = asyncio.ensure_future(app(scope, receive, send))
        await asyncio.to_thread(engine.started.acquire)
        left.set()
        await running

        assert await asyncio.to_thread(engine.interrupted.wait, 20)
        assert sent == []
        assert [line["status"] for line in lines(caplog)] == [499]


@pytest.mark.parametrize("peer", ["10.255.0.1", "192.0.2.7", "::1", "2001:db8::5", "::ffff:10.0.0.9"])
def test_a_trusted_proxy_is_an_address_or_in_a_network(peer: str) -> None:
    policy = TlsPolicy(required=True, proxies=["10.0.0.0/8", "192.0.2.7", "::1", "2001:db8::/32"])
    policy.check(peer, [b"https"])
    policy.check(peer, [b"HTTPS", b"https, https"])


def test_a_trusted_proxy_that_is_no_address_is_refused() -> None:
    for proxies in (["proxy.example"], ["10.0.0.1/8"], ["10.0.0.0/33"]):
        with pytest.raises(SettingsError, match="FACETS_TRUSTED_PROXIES"):
            TlsPolicy(required=True, proxies=proxies)
