"""The page at /schema: it is there without a token, loads nothing from elsewhere, and is what its README says."""

from __future__ import annotations

import hashlib
import re
from importlib import resources

import pytest
from litestar.types import ASGIApp

from facets_svc.web.schema import FILES
from tests.web.client import ask

PAGE = resources.files("facets_svc.web").joinpath("schema_page")


@pytest.mark.anyio
async def test_the_page_and_its_files_are_served_and_nothing_else_is_loaded(app: ASGIApp) -> None:
    page = await ask(app, "/schema")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.body.decode())
    assert set(loaded) == {"data:,", *(f"schema/{name}" for name in FILES)}
    for name, media_type in FILES.items():
        file = await ask(app, f"/schema/{name}")
        assert (file.status, file.headers["content-type"]) == (200, f"{media_type}; charset=utf-8")
        assert file.body == PAGE.joinpath(name).read_bytes()
    assert (await ask(app, "/schema", method="POST")).status == 405


def test_the_files_of_swagger_ui_are_those_that_the_readme_says() -> None:
    sums = dict(re.findall(r"\| `([^`]+)` \| `([0-9a-f]{64})` \|", PAGE.joinpath("README.md").read_text()))
    assert sums == {name: hashlib.sha256(PAGE.joinpath(name).read_bytes()).hexdigest() for name in sums}
    assert set(sums) == set(FILES) - {"start.js"}
