"""The models themselves, over HTTP: pages, cursors, fields, forms."""

from __future__ import annotations

import base64
import csv
import io
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.types import ASGIApp

from facets_svc.catalogue import RECORD
from facets_svc.errors import InvalidRequest
from facets_svc.facets.query import FacetQuery, ModelQuery
from facets_svc.settings import Settings
from facets_svc.web import cursors
from facets_svc.web.parameters import ModelsParameters, parameters_of
from facets_svc.web.reading import pairs_of
from tests.service.engines import OracleEngine, row
from tests.web.client import Answer, ask, bearer, operator, statuses

pytestmark = pytest.mark.anyio

ACME = bearer("acme")
MODELS = "/api/v1/org/acme/models"
FIXED = ("X-Request-Id", "r1")


@pytest.fixture
def engine() -> OracleEngine:
    return OracleEngine(
        [
            row("acme", "one", updated_at="2026-11-01", downloads=5, tags=["a", "b"], license="mit"),
            row("acme", "two", updated_at="2026-11-02", downloads=5, is_public=False, parameters=2**63 - 1),
            row("acme", "three", downloads=7, description="=1+1", created_at="2026-11-01T12:00:00.5+01:00"),
            row("rival", "open", updated_at="2026-11-03", tags=["a"]),
            row("rival", "canary", updated_at="2026-11-04", is_public=False),
        ]
    )


def ids(answer: Answer) -> list[str]:
    return [model["id"] for model in answer.json["models"]]


async def test_a_page_has_the_records_the_totals_and_no_cursor_when_it_is_the_last(app: ASGIApp) -> None:
    answer = await ask(app, MODELS + "?tags=a", ACME, FIXED)
    etag = answer.headers.pop("etag")
    assert answer.json == {
        "models": [
            {
                "id": "acme/one",
                "org": "acme",
                "name": "one",
                "description": None,
                "tags": ["a", "b"],
                "license": "mit",
                "task_categories": [],
                "framework": None,
                "size_category": None,
                "is_public": True,
                "created_at": None,
                "updated_at": "2026-11-01T00:00:00Z",
                "parameters": None,
                "size_bytes": None,
                "downloads": 5,
            }
        ],
        "total": 3,
        "filtered_total": 1,
        "next_cursor": None,
    }
    assert answer.headers == {
        "cache-control": "private, no-cache",
        "content-length": str(len(answer.body)),
        "content-type": "application/json",
        "last-modified": "Tue, 24 Nov 2026 02:00:00 GMT",
        "vary": "Authorization, Accept, Accept-Encoding",
        "x-request-id": "r1",
        "x-snapshot-id": "s1",
    }
    unchanged = await ask(app, MODELS + "?tags=a", ACME, ("If-None-Match", etag))
    head = await ask(app, MODELS + "?tags=a", ACME, FIXED, method="HEAD")
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", answer.headers["content-length"])


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", ["two", "one", "three"]),
        ("-updated_at", ["two", "one", "three"]),
        ("updated_at", ["one", "two", "three"]),
        ("downloads", ["one", "two", "three"]),
        ("-downloads", ["three", "two", "one"]),
        ("name", ["one", "three", "two"]),
        ("-name", ["two", "three", "one"]),
        ("parameters", ["two", "one", "three"]),
        ("-parameters", ["two", "three", "one"]),
        ("-created_at", ["three", "two", "one"]),
    ],
)
async def test_models_are_sorted_with_those_without_a_value_last(app: ASGIApp, sort: str, expected: list[str]) -> None:
    answer = await ask(app, f"{MODELS}?fields=id&sort={sort}" if sort else MODELS, ACME)
    assert ids(answer) == [f"acme/{name}" for name in expected]


async def test_a_timeline_is_added_to_the_contracts_answer_of_facets(app: ASGIApp) -> None:
    bare = await ask(app, MODELS + "/facets", ACME)
    answer = await ask(app, MODELS + "/facets?timeline=true", ACME)
    assert answer.json == {**bare.json, "timeline": [{"month": "2026-11", "count": 1}]}
    assert answer.headers["etag"] != bare.headers["etag"]


async def test_the_pages_of_a_list_hold_every_model_once_and_agree_with_the_facets(app: ASGIApp) -> None:
    query = "include_public=true&sort=name"
    facets = await ask(app, f"{MODELS}/facets?include_public=true", ACME)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await ask(app, f"{MODELS}?{query}&limit=1&fields=id{cursor and '&cursor=' + cursor}", ACME)
        seen += ids(answer)
        assert {key: answer.json[key] for key in ("total", "filtered_total")} == {"total": 4, "filtered_total": 4}
        cursor = answer.json["next_cursor"]
        assert answer.headers.get("x-next-cursor") == cursor
    assert seen == ["acme/one", "rival/open", "acme/three", "acme/two"]
    assert (facets.json["total"], facets.json["filtered_total"]) == (4, 4)


async def test_the_next_page_may_be_larger_and_have_other_fields(app: ASGIApp) -> None:
    cursor = (await ask(app, f"{MODELS}?limit=1&fields=id", ACME)).json["next_cursor"]
    answer = await ask(app, f"{MODELS}?limit=200&fields=name,downloads&cursor={cursor}", ACME)
    assert answer.json["models"] == [{"name": "one", "downloads": 5}, {"name": "three", "downloads": 7}]


async def test_a_cursor_of_another_question_is_refused(app: ASGIApp) -> None:
    cursor = (await ask(app, f"{MODELS}?limit=1&sort=name", ACME)).json["next_cursor"]
    for query in ("", "sort=-name", "sort=name&include_public=1", "sort=name&tags=a", "sort=name&search=e"):
        assert await refused(app, f"{query}&cursor={cursor}") == [("cursor", "cursor")]
    theirs = await ask(app, f"/api/v1/org/rival/models?sort=name&cursor={cursor}", bearer("rival"))
    assert theirs.error == (422, "validation_error")
    assert (await ask(app, f"{MODELS}?sort=name&cursor={cursor}", bearer("rival"))).status == 403


async def refused(app: ASGIApp, query: str) -> list[tuple[str, str]]:
    answer = await ask(app, f"{MODELS}?{query}", ACME)
    assert answer.error == (422, "validation_error")
    return [(error["loc"][1], error["type"]) for error in answer.json["errors"]]


async def test_a_cursor_of_a_snapshot_that_is_gone_says_so(app: ASGIApp) -> None:
    question = read("limit=1")
    gone = forged(question, edition=("20261101T000000Z-0000",), offset=1)
    answer = await ask(app, f"{MODELS}?limit=1&cursor={gone}", ACME)
    assert answer.error == (422, "validation_error")
    assert answer.json["errors"] == [
        {
            "loc": ["query", "cursor"],
            "msg": "Belongs to the snapshot 20261101T000000Z-0000, which is no longer current. "
            "Start again without a cursor.",
            "type": "gone",
        }
    ]


async def test_a_cursor_that_is_made_up_shows_no_more_than_its_pages(app: ASGIApp) -> None:
    question = read("include_public=true&sort=name&fields=id")
    for offset in (1, 2, 3, 4, 5, 2**40):
        cursor = forged(question, offset=offset)
        answer = await ask(app, f"{MODELS}?include_public=true&sort=name&fields=id&cursor={cursor}", ACME)
        assert ids(answer) == ["acme/one", "rival/open", "acme/three", "acme/two"][offset:]
        assert answer.json["next_cursor"] is None


def read(query: str) -> ModelQuery:
    return parameters_of(ModelsParameters, pairs_of(query.encode()), Settings()).question("acme")


def forged(asked: ModelQuery, **changes: Any) -> str:
    cursor = msgspec.structs.replace(cursors.Cursor(("s1",), cursors._digest(asked), 1), **changes)
    return cursors._text(cursor)


@given(st.text(max_size=300) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_no_text_whatever_is_taken_for_a_cursor(text: str) -> None:
    assert cursors.decode(text, read("")) is None


@given(st.integers(1, 2**63 - 1), st.lists(st.text(max_size=30), max_size=2).map(tuple), st.data())
def test_a_cursor_is_read_in_one_spelling_only(offset: int, edition: tuple[str, ...], choice: st.DataObject) -> None:
    text = forged(read(""), offset=offset, edition=edition)
    assert cursors.decode(text, read("limit=3&fields=id")) is not None
    place = choice.draw(st.integers(0, len(text) - 1))
    other = choice.draw(st.characters(codec="ascii").filter(lambda character: character != text[place]))
    changed = cursors.decode(text[:place] + other + text[place + 1 :], read(""))
    assert changed is None or (changed.edition, changed.offset) != (edition, offset)
    assert cursors.decode(text + "=", read("")) is None


@pytest.mark.parametrize("offset", [0, -1, -(2**63)])
def test_a_cursor_to_before_the_second_model_is_none(offset: int) -> None:
    assert cursors.decode(forged(read(""), offset=offset), read("")) is None


def test_what_is_not_said_is_chosen() -> None:
    assert read("fields=&unknown=1") == ModelQuery(
        query=FacetQuery.of("acme", limit=1, wanted=()),
        order="updated_at",
        descending=True,
        fields=tuple(RECORD.names),
        limit=50,
    )
    assert read("fields=name&fields=id,name&sort=downloads&limit=200&limit=7") == ModelQuery(
        query=FacetQuery.of("acme", limit=1, wanted=()),
        order="downloads",
        descending=False,
        fields=("id", "name"),
        limit=7,
    )


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("limit=0", [("limit", "out_of_range")]),
        ("limit=201", [("limit", "out_of_range")]),
        ("sort=size_bytes", [("sort", "enum")]),
        ("sort=--name", [("sort", "enum")]),
        ("fields=id,secret", [("fields", "enum")]),
        ("cursor=", [("cursor", "cursor")]),
        ("cursor=x&limit=x&tags=%00", [("tags", "nul"), ("limit", "int_parsing")]),
    ],
)
def test_a_wrong_value_is_refused(query: str, wrong: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read(query)
    assert [(field.location[1], field.kind) for field in refusal.value.fields] == wrong


async def test_a_wrong_name_is_answered_with_the_right_ones(app: ASGIApp) -> None:
    answer = await ask(app, f"{MODELS}?fields=secret&sort=id", ACME)
    sorts = "-created_at, -downloads, -name, -parameters, -updated_at, created_at, downloads, name, parameters"
    assert [error["msg"] for error in answer.json["errors"]] == [
        f"Should be one of {sorts}, updated_at.",
        f"Should be one of {', '.join(sorted(RECORD.names))}.",
    ]


async def test_the_statuses_are_those_of_the_facets(app: ASGIApp) -> None:
    paths = [
        "/api/v1/org/rival/models",
        "/api/v1/org/no slug/models",
        "/api/v1/org//models",
        f"{MODELS}/",
        f"{MODELS}s",
    ]
    assert await statuses(app, paths, ACME) == [403, 422, 404, 404, 404]
    assert (await ask(app, "/api/v1/org/nobody/models", operator())).status == 404
    assert (await ask(app, "/api/v1/org/nobody/models", bearer("nobody"))).json == {
        "models": [],
        "total": 0,
        "filtered_total": 0,
        "next_cursor": None,
    }
    assert (await ask(app, MODELS, ACME, method="POST")).headers["allow"] == "GET, HEAD"


async def test_a_cached_page_is_the_same_to_the_byte(app: ASGIApp) -> None:
    first, second = [await ask(app, f"{MODELS}?limit=1", ACME, FIXED) for _ in range(2)]
    assert (first.headers, first.body) == (second.headers, second.body)
    assert second.timing == "cache;desc=hit, queue;dur=0, engine;dur=0, encode;dur=0"


async def test_csv_has_a_line_a_model_and_the_cursor_in_a_header(app: ASGIApp) -> None:
    query = "?sort=name&fields=id,description,tags,is_public,created_at,parameters&limit=2"
    answer = await ask(app, MODELS + query, ACME, ("Accept", "text/csv"))
    assert list(csv.reader(io.StringIO(answer.body.decode(), newline=""))) == [
        ["id", "description", "tags", "is_public", "created_at", "parameters"],
        ["acme/one", "", '["a","b"]', "true", "", ""],
        ["acme/three", "'=1+1", "[]", "true", "2026-11-01T11:00:00.500000Z", ""],
    ]
    rest = await ask(app, f"{MODELS}{query}&cursor={answer.headers['x-next-cursor']}", ACME, ("Accept", "text/csv"))
    assert rest.body.endswith(b"\r\nacme/two,,[],false,,9223372036854775807\r\n")
    assert "x-next-cursor" not in rest.headers
