"""One model's record by its id, and that an id outside of the scope is told apart from nothing."""

from __future__ import annotations

import csv
import io
from urllib.parse import quote

import pytest
from litestar.types import ASGIApp

from facets_svc.catalogue import RECORD
from tests.service.engines import OracleEngine, row
from tests.web.client import ask, bearer, operator

pytestmark = pytest.mark.anyio

ACME = bearer("acme")
MODELS = "/api/v1/org/acme/models"
FIXED = ("X-Request-Id", "r1")
STRANGE = ["a/b", "a//b", "/", "..", ".", "facets", "%2F", "%", "a b", "é", "?x=1#y", ";", "+", "日本", "{id}", "a\\b"]


@pytest.fixture
def engine() -> OracleEngine:
    ours = [{**row("acme", f"n{number}"), "id": name} for number, name in enumerate(STRANGE)]
    return OracleEngine(
        [
            *ours,
            row("acme", "one", tags=["a"], license="=1+1"),
            row("acme", "secret", is_public=False),
            row("rival", "open"),
            row("rival", "canary", is_public=False),
        ]
    )


def target(model_id: str, query: str = "") -> str:
    escaped = "%66acets" if model_id == "facets" else quote(model_id, safe="").replace(".", "%2E")
    return f"{MODELS}/{escaped}{query}"


async def test_a_record_is_that_of_the_list_with_the_headers_of_every_answer(app: ASGIApp) -> None:
    listed = await ask(app, f"{MODELS}?limit=200", ACME)
    [record] = [one for one in listed.json["models"] if one["id"] == "acme/one"]
    answer = await ask(app, target("acme/one"), ACME)
    head = await ask(app, target("acme/one"), ACME, FIXED, method="HEAD")
    unchanged = await ask(app, target("acme/one"), ACME, ("If-None-Match", answer.headers["etag"]))

    assert (answer.status, answer.json) == (200, record)
    assert list(record) == RECORD.names
    assert answer.headers["x-snapshot-id"] == "s1"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert (head.body, head.headers["content-length"]) == (b"", str(len(answer.body)))
    assert (unchanged.status, unchanged.body) == (304, b"")


@pytest.mark.parametrize("model_id", STRANGE)
async def test_an_id_may_hold_any_characters_percent_encoded_as_one_segment(app: ASGIApp, model_id: str) -> None:
    assert (await ask(app, target(model_id, "?fields=id"), ACME)).json == {"id": model_id}


async def test_an_id_is_one_segment_and_is_no_longer_one_behind_a_slash(app: ASGIApp) -> None:
    for path in ("/a/b", "/a//b", "/", "/acme/one", "/acme%2Fone/"):
        assert (await ask(app, MODELS + path, ACME)).error == (404, "not_found_error")
    assert (await ask(app, f"{MODELS}/%ff", ACME)).error == (400, "invalid_error")
    assert (await ask(app, target("acme/one"), ACME, method="POST")).headers["allow"] == "GET, HEAD"


async def test_fields_and_csv_are_those_of_the_list(app: ASGIApp) -> None:
    assert (await ask(app, target("acme/one", "?fields=tags,id"), ACME)).json == {"id": "acme/one", "tags": ["a"]}
    assert (await ask(app, target("acme/one", "?fields=secret"), ACME)).error == (422, "validation_error")
    answer = await ask(app, target("acme/one", "?fields=id,license,tags"), ACME, ("Accept", "text/csv"))
    assert list(csv.reader(io.StringIO(answer.body.decode(), newline=""))) == [
        ["id", "tags", "license"],
        ["acme/one", '["a"]', "'=1+1"],
    ]


async def test_private_models_are_their_orgs_and_public_ones_everybodys_who_asks_for_them(app: ASGIApp) -> None:
    assert (await ask(app, target("acme/secret"), ACME)).json["is_public"] is False
    assert (await ask(app, target("rival/open"), ACME)).status == 404
    assert (await ask(app, target("rival/open", "?include_public=true"), ACME)).json["org"] == "rival"
    assert (await ask(app, target("rival/open"), operator())).status == 404


async def test_what_is_out_of_the_scope_is_to_the_byte_what_does_not_exist(app: ASGIApp) -> None:
    for query in ("", "?include_public=true", "?include_public=true&fields=id", "?as_of=s1"):
        answers = [
            await ask(app, target(model_id, query), caller, FIXED, *accepted)
            for model_id in ("rival/canary", "rival/nobody", "nobody", "")
            for caller in (ACME, operator())
            for accepted in ([], [("If-None-Match", "*")], [("Accept", "text/csv")])
            if model_id
        ]
        assert {answer.error for answer in answers} <= {(404, "not_found_error"), (422, "validation_error")}
        assert len({answer.body for answer in answers}) == 1
        assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1


async def test_the_other_checks_come_first_and_in_their_order(app: ASGIApp) -> None:
    for path, caller, status in (
        ("/api/v1/org/acme/models/x", ("X", "y"), 401),
        ("/api/v1/org/a%20b/models/x", ACME, 422),
        ("/api/v1/org/rival/models/rival%2Fopen", ACME, 403),
        ("/api/v1/org/acme/models/x?include_public=maybe", ACME, 422),
        ("/api/v1/org/ghost/models/x", operator(), 404),
        ("/api/v1/org/acme/models/%00", ACME, 404),
    ):
        assert (await ask(app, path, caller)).status == status
