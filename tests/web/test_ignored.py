"""Parameters that a route does not know: the answer names them, and the log says which ones may have been meant."""

from __future__ import annotations

import logging

import pytest
from litestar.types import ASGIApp

from tests.web.client import FACETS, ask, bearer

pytestmark = pytest.mark.anyio

ACME = bearer("acme")


async def ignored(app: ASGIApp, query: str, path: str = FACETS) -> str | None:
    return (await ask(app, f"{path}?{query}", ACME)).headers.get("x-ignored-parameters")


async def test_a_misspelt_filter_is_named_and_a_known_one_is_not(app: ASGIApp) -> None:
    assert await ignored(app, "licence=mit&frameworks=jax&license=mit&licence=x") == "licence,frameworks"
    assert await ignored(app, "license=mit&tags=a&search=x&as_of=2999-01-01&counts=true") is None
    assert await ignored(app, "q=x&facet_limit=3", FACETS + "/tags") == "facet_limit"
    assert await ignored(app, "q=x") == "q"


async def test_errors_name_them_too_and_304_does_not(app: ASGIApp) -> None:
    wrong = await ask(app, f"{FACETS}?licence=mit&facet_limit=0", ACME)
    assert (wrong.status, wrong.headers["x-ignored-parameters"]) == (422, "licence")
    unchanged = await ask(app, f"{FACETS}?licence=mit", ACME, ("If-None-Match", "*"))
    assert (unchanged.status, "x-ignored-parameters" in unchanged.headers) == (304, False)


async def test_twenty_are_named_each_in_sixty_four_characters_that_a_header_may_hold(app: ASGIApp) -> None:
    assert await ignored(app, "&".join(f"x{number}=1" for number in range(30))) == ",".join(
        f"x{number}" for number in range(20)
    )
    assert await ignored(app, "x" * 100 + "=1") == "x" * 64
    assert await ignored(app, "%0D%0ASet-Cookie:%20a=1&a%2Cb=1&%C3%A9=1&tags[]=a&=1") == (
        "%0D%0ASet-Cookie:%20a,a%2Cb,%C3%A9,tags[],"
    )
    long = await ignored(app, "%F0%9F%90%8D" * 30)
    assert long == "%F0%9F%90%8D" * 5 + "%F0"


async def test_the_log_says_which_known_name_is_nearest(app: ASGIApp, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "facets_svc.requests"):
        await ask(app, f"{FACETS}?licence=mit&frameworks=jax&zzz=1", ACME)
        await ask(app, FACETS, ACME)
    lines = [record.__dict__["fields"] for record in caplog.records]
    assert lines[0]["ignored"] == {"licence": "license", "frameworks": "framework", "zzz": None}
    assert "ignored" not in lines[1]
