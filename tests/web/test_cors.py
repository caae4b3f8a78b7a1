from __future__ import annotations

import pytest
from litestar.types import ASGIApp

from facets_svc.settings import Settings
from tests.web.client import FACETS, SECRET, ask, bearer

pytestmark = pytest.mark.anyio

ACME = bearer("acme")
PAGE = ("Origin", "https://ui.example")
PREFLIGHT = [("Access-Control-Request-Method", "GET"), ("Access-Control-Request-Headers", "authorization")]
EXPOSED = (
    "ETag, X-Snapshot-Id, X-Facets-Truncated, X-Next-Cursor, X-Sql-Rows, X-Sql-Truncated, X-Request-Id, "
    "X-Ignored-Parameters, Retry-After, Server-Timing"
)


class TestByDefault:
    async def test_no_page_is_let_in_and_nothing_is_said_of_origins(self, app: ASGIApp) -> None:
        answer = await ask(app, FACETS, ACME, PAGE)
        assert answer.headers["vary"] == "Authorization, Accept, Accept-Encoding"
        assert not [name for name in answer.headers if name.startswith("access-control")]

    async def test_a_preflight_is_a_method_like_any_other(self, app: ASGIApp) -> None:
        assert (await ask(app, FACETS, PAGE, *PREFLIGHT, method="OPTIONS")).error == (401, "authentication_error")
        answer = await ask(app, FACETS, ACME, PAGE, *PREFLIGHT, method="OPTIONS")
        assert answer.error == (405, "invalid_error")


class TestWithOrigins:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(jwt_secret=SECRET, cors_origins=("https://ui.example", "http://localhost:3000"))

    async def test_a_preflight_needs_no_token(self, app: ASGIApp) -> None:
        answer = await ask(app, FACETS, PAGE, *PREFLIGHT, ("X-Request-Id", "r1"), method="OPTIONS")
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers == {
            "access-control-allow-origin": "https://ui.example",
            "access-control-allow-methods": "GET, HEAD, POST",
            "access-control-allow-headers": "Authorization, Content-Type, If-None-Match, X-Request-Id",
            "access-control-expose-headers": EXPOSED,
            "access-control-max-age": "600",
            "vary": "Origin",
            "x-request-id": "r1",
        }

    async def test_an_answer_and_an_error_may_be_read_by_the_page(self, app: ASGIApp) -> None:
        for headers, status in (([ACME], 200), ([], 401), ([bearer("rival")], 403)):
            answer = await ask(app, FACETS, PAGE, *headers)
            assert answer.status == status
            assert answer.headers["access-control-allow-origin"] == "https://ui.example"
            assert answer.headers["access-control-expose-headers"] == EXPOSED
            assert answer.headers["vary"].endswith("Origin")

    async def test_a_304_may_be_read_too(self, app: ASGIApp) -> None:
        answer = await ask(app, FACETS, PAGE, ACME, ("If-None-Match", "*"))
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (304, "https://ui.example")

    @pytest.mark.parametrize(
        "origin", ["https://evil.example", "https://ui.example.evil", "HTTPS://UI.EXAMPLE", "null", "", "*"]
    )
    async def test_another_page_is_not_let_in(self, app: ASGIApp, origin: str) -> None:
        for method, extra in (("GET", [ACME]), ("OPTIONS", PREFLIGHT)):
            answer = await ask(app, FACETS, ("Origin", origin), *extra, method=method)
            assert "access-control-allow-origin" not in answer.headers
            assert "Origin" in answer.headers["vary"]

    async def test_options_without_a_pages_question_is_no_preflight(self, app: ASGIApp) -> None:
        assert (await ask(app, FACETS, PAGE, method="OPTIONS")).error == (401, "authentication_error")
        assert (await ask(app, FACETS, *PREFLIGHT, method="OPTIONS")).error == (401, "authentication_error")


class TestWithEveryOrigin:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(jwt_secret=SECRET, cors_origins=("*",))

    async def test_every_page_is_let_in(self, app: ASGIApp) -> None:
        answer = await ask(app, FACETS, ACME, ("Origin", "https://any.example"))
        assert answer.headers["access-control-allow-origin"] == "*"
