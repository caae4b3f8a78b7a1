"""What `GET /` serves: the page and its files, without a token, under a strict policy."""

from __future__ import annotations

import dataclasses
import gzip
import json
import re

import pytest
from litestar.types import ASGIApp

from facets_svc.analyst.tables import NAMES
from facets_svc.catalogue import RECORD
from facets_svc.sandbox.functions import listed
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web.asgi import create_app_for
from facets_svc.web.page import files
from tests.web.client import ask

FIRST_VIEW_BYTES = 60_000


@pytest.mark.anyio
async def test_the_page_names_files_that_are_served_and_never_change(app: ASGIApp) -> None:
    page = await ask(app, "/")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["cache-control"] == "no-cache"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"

    waiting, seen = re.findall(r'"assets/([^"]+)"', page.body.decode()), set[str]()
    while waiting:
        if (name := waiting.pop()) in seen:
            continue
        seen.add(name)
        assert re.fullmatch(r"[a-z]+-[0-9a-f]{16}\.(css|js|svg)", name)  # of the folder `vendor` too
        file = await ask(app, f"/assets/{name}")
        assert (file.status, file.headers["x-content-type-options"]) == (200, "nosniff")
        assert "immutable" in file.headers["cache-control"]
        waiting += re.findall(r'"\./([^"]+\.js)"', file.body.decode())
    assert seen == set(files()) - {"index.html"}


@pytest.mark.anyio
async def test_the_page_is_sent_once(app: ASGIApp) -> None:
    tag = (await ask(app, "/")).headers["etag"]
    again = await ask(app, "/", ("If-None-Match", f'"other", W/{tag}'))
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    zipped = await ask(app, "/", ("Accept-Encoding", "gzip"))
    assert zipped.headers["etag"] != tag
    assert zipped.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(zipped.body) == (await ask(app, "/")).body


@pytest.mark.anyio
async def test_the_first_view_is_small(app: ASGIApp) -> None:
    sent, waiting, seen = 0, ["/"], set[str]()
    while waiting:
        if (path := waiting.pop()) in seen:
            continue
        seen.add(path)
        sent += len((await ask(app, path, ("Accept-Encoding", "gzip"))).body)
        text = (await ask(app, path)).body.decode()
        waiting += [
            f"/assets/{name}"
            for name in re.findall(r'"assets/([^"]+)"|from "\./([^"]+)"', text)
            for name in name
            if name
        ]
    assert "main" in str(seen)
    assert "bench" not in str(seen)  # which is imported when it is opened
    assert sent < FIRST_VIEW_BYTES


@pytest.mark.anyio
async def test_completion_knows_the_tables_and_the_functions_that_may_be_called(app: ASGIApp) -> None:
    [name] = [name for name in files() if name.startswith("dictionary-")]
    lines = (await ask(app, f"/assets/{name}")).body.decode().splitlines()
    said = {name: json.loads(value.rstrip(";")) for name, value in (line[13:].split(" = ", 1) for line in lines)}
    assert {table["name"] for table in said["TABLES"]} == set(NAMES)
    assert [column["name"] for column in said["TABLES"][0]["columns"]] == RECORD.names
    assert "models_at" in said["MACROS"]
    assert {"count", "quantile_disc"} <= set(said["FUNCTIONS"]) <= listed()["allowed"]


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/assets/main.js", "/assets/index.html", "/assets/..%2Fpage.py", "/assets/none"])
async def test_another_file_is_not_found(app: ASGIApp, path: str) -> None:
    assert (await ask(app, path)).error == (404, "not_found_error")


@pytest.mark.anyio
async def test_the_page_can_be_switched_off(service: FacetService, settings: Settings) -> None:
    app = create_app_for(service, dataclasses.replace(settings, page=False))
    name = next(name for name in files() if name.startswith("main-"))
    for path in ("/", f"/assets/{name}"):
        assert (await ask(app, path)).error == (404, "not_found_error")
