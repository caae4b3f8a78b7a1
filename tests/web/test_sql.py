"""SQL over HTTP: who may ask, what is checked in which order, the forms of an answer, and what the log has of it."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from litestar.types import ASGIApp

from facets_svc.analyst.cookbook import cookbook
from facets_svc.lake import Lake
from facets_svc.sandbox.spool import MEDIA_TYPES
from facets_svc.settings import Settings
from facets_svc.web.app import create_app_with_settings
from facets_svc.web.sql import form_of
from facets_svc.web.sql_body import MAX_BYTES
from tests.catalogues import model, publish
from tests.web.client import SECRET, Answer, ask, bearer, operator, started

pytestmark = pytest.mark.anyio

SQL = "/api/v1/org/acme/sql"
QUERIES = f"{SQL}/queries"
JSON = ("Content-Type", "application/json")

ROWS = [
    model(1, license="mit", downloads=7),
    model(2, license="own", is_public=False),
    model(3, "rival", license="canary", is_public=False),
]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sql")
    publish(ROWS, folder)
    return folder / "lake"


@pytest.fixture(scope="module")
def settings(lake: Path) -> Settings:
    return Settings(
        lake=str(lake), cache=str(lake.parent / "cache"), jwt_secret=SECRET, sql_enabled=True, sql_deadline_ms=60_000
    )


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[ASGIApp]:
    app = create_app_with_settings(settings)
    async with started(app):
        yield app


@pytest.fixture(scope="module")
async def app(settings: Settings) -> AsyncIterator[ASGIApp]:
    async with serving(settings) as app:
        yield app


Post = Callable[..., Awaitable[Answer]]


@pytest.fixture
def post(app: ASGIApp) -> Post:
    async def post(body: Any, *headers: tuple[str, str], target: str = SQL, app: ASGIApp = app) -> Answer:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {name.lower() for name, _ in headers}
        every = [*headers, *(one for one in (JSON, bearer("acme")) if one[0].lower() not in given)]
        return await ask(app, target, *every, method="POST", body=content)

    return post


async def test_an_answer_has_its_columns_its_rows_and_whether_it_is_whole(post: Post, lake: Path) -> None:
    answer = await post(
        {"query": "SELECT id, downloads FROM models WHERE license <> $l ORDER BY id", "parameters": {"l": "x"}}
    )
    assert answer.status == 200
    assert answer.json == {
        "columns": [{"name": "id", "type": "VARCHAR"}, {"name": "downloads", "type": "BIGINT"}],
        "rows": [["m1", 7], ["m2", None]],
        "truncated": False,
    }
    del answer.headers["x-request-id"]
    assert answer.headers == {
        "content-type": "application/json",
        "content-length": str(len(answer.body)),
        "cache-control": "no-store",
        "vary": "Authorization, Accept",
        "x-snapshot-id": Lake.open(str(lake)).current(),
        "x-sql-rows": "2",
        "x-sql-truncated": "false",
    }


async def test_the_same_rows_come_in_every_form(post: Post) -> None:
    query = {"query": "SELECT id, license FROM models ORDER BY id"}
    rows = [{"id": "m1", "license": "mit"}, {"id": "m2", "license": "own"}]

    async def body(accept: str) -> bytes:
        answer = await post(query, ("Accept", accept))
        assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, accept)
        assert (answer.headers["x-sql-rows"], answer.headers["x-sql-truncated"]) == ("2", "false")
        return answer.body

    assert [json.loads(line) for line in (await body("application/jsonl")).splitlines()] == rows
    assert (await body("text/csv")).decode() == "id,license\r\nm1,mit\r\nm2,own\r\n"
    stream = pa.ipc.open_stream(await body("application/vnd.apache.arrow.stream"))
    assert stream.read_all().to_pylist() == rows
    assert pq.read_table(io.BytesIO(await body("application/vnd.apache.parquet"))).to_pylist() == rows


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ([], "json"),
        (["*/*"], "json"),
        (["image/png"], "json"),
        (["text/*"], "csv"),
        (["application/json;q=0.5", "text/csv;q=0.6"], "csv"),
        (["application/x-ndjson"], "jsonl"),
        (["application/vnd.apache.parquet, */*;q=0.1"], "parquet"),
    ],
)
def test_the_form_is_the_one_that_is_preferred(accept: list[str], form: str) -> None:
    assert form_of(accept) == form


async def test_a_cut_is_reported_in_every_form(settings: Settings, post: Post) -> None:
    async with serving(replace(settings, sql_rows=1)) as app:
        for media_type in MEDIA_TYPES.values():
            answer = await post({"query": "SELECT id FROM models ORDER BY id"}, ("Accept", media_type), app=app)
            assert (answer.headers["x-sql-rows"], answer.headers["x-sql-truncated"]) == ("1", "true")
        answer = await post({"query": "SELECT id FROM models ORDER BY id"}, app=app)
        assert answer.json == {"columns": [{"name": "id", "type": "VARCHAR"}], "rows": [["m1"]], "truncated": True}


async def test_a_query_of_the_cookbook_is_asked_by_name(post: Post) -> None:
    answer = await post({"name": "license-compliance", "parameters": {"allowed": ["mit"], "org": "acme"}})
    assert answer.status == 200
    assert "own" in answer.body.decode()
    assert "canary" not in answer.body.decode()


async def test_every_query_of_the_cookbook_is_answered(post: Post) -> None:
    for query in cookbook():
        needed = {name: "x" for name, parameter in query.parameters.items() if parameter.default is None}
        answer = await post({"name": query.name, "parameters": {**needed, **earliest(query.parameters)}})
        assert answer.status == 200, (query.name, answer.body)


def earliest(parameters: Any) -> dict[str, str]:
    """There is one snapshot only, so that what asks for the one before it asks for this one."""
    return {"since": "first"} if "since" in parameters else {}


async def test_the_cookbook_is_listed(app: ASGIApp) -> None:
    answer = await ask(app, QUERIES, bearer("acme"))
    assert answer.status == 200
    assert [query["name"] for query in answer.json["queries"]] == [query.name for query in cookbook()]
    [compliance] = [query for query in answer.json["queries"] if query["name"] == "license-compliance"]
    assert compliance["parameters"][0] == {
        "name": "org",
        "type": "VARCHAR",
        "meaning": "only this org's models; null: all orgs",
        "required": False,
        "default": None,
    }
    assert (await ask(app, QUERIES, bearer("acme"), method="HEAD")).body == b""
    assert (await ask(app, QUERIES, bearer("rival"))).error == (403, "forbidden_error")
    assert (await ask(app, QUERIES)).error == (401, "authentication_error")


@pytest.mark.parametrize(("enabled", "member", "of_all"), [(None, 403, 200), (True, 200, 200), (False, 403, 403)])
async def test_the_settings_say_who_may_ask(
    settings: Settings, post: Post, enabled: bool | None, member: int, of_all: int
) -> None:
    async with serving(replace(settings, sql_enabled=enabled)) as app:
        for header, status in ((bearer("acme"), member), (operator(), of_all)):
            assert (await post({"query": "SELECT 1"}, header, app=app)).status == status
            assert (await ask(app, QUERIES, header)).status == status


async def test_an_operator_sees_what_a_member_sees_and_unknown_orgs_are_not_found(post: Post) -> None:
    query = {"query": "SELECT id FROM models ORDER BY id"}
    assert (await post(query, operator())).body == (await post(query)).body
    unknown = await post(query, operator(), target="/api/v1/org/nobody/sql")
    assert unknown.error == (404, "not_found_error")
    members = await post(query, bearer("nobody"), target="/api/v1/org/nobody/sql")
    assert members.json["rows"] == [["m1"]]


CHECKS: list[tuple[str, dict[str, Any], tuple[int, str]]] = [
    ("no token", {"headers": [("Authorization", "Bearer x")]}, (401, "authentication_error")),
    ("no slug", {"target": "/api/v1/org/-/sql"}, (422, "validation_error")),
    ("another's org", {"headers": [bearer("rival")]}, (403, "forbidden_error")),
    ("another type", {"headers": [("Content-Type", "text/plain")]}, (415, "invalid_error")),
    ("another encoding", {"headers": [("Content-Type", "application/json; charset=latin-1")]}, (415, "invalid_error")),
    ("too long", {"body": b" " * (MAX_BYTES + 1)}, (413, "invalid_error")),
    ("said to be too long", {"headers": [("Content-Length", "99999999999999999999999")]}, (413, "invalid_error")),
    ("no JSON", {"body": b"{"}, (422, "validation_error")),
]


@pytest.mark.parametrize(("_what", "wrong", "error"), CHECKS)
async def test_what_is_wrong_with_a_request(
    post: Post, _what: str, wrong: dict[str, Any], error: tuple[int, str]
) -> None:
    given = {"headers": [], "target": SQL, "body": {"query": "SELECT 1"}, **wrong}
    assert (await post(given["body"], *given["headers"], target=given["target"])).error == error


async def test_the_checks_come_in_their_order(post: Post) -> None:
    """Each request has everything wrong that comes after what it is told."""
    for first, (_, _, error) in enumerate(CHECKS[:6]):
        later: dict[str, Any] = {"headers": [], "target": SQL, "body": {"query": "SELECT 1"}}
        for _, wrong, _ in reversed(CHECKS[first:6]):
            if "headers" in wrong:
                [(name, value)] = wrong["headers"]
                later["headers"] = [one for one in later["headers"] if one[0] != name] + [(name, value)]
            later |= {key: value for key, value in wrong.items() if key != "headers"}
        assert (await post(later["body"], *later["headers"], target=later["target"])).error == error


@pytest.mark.parametrize(
    ("body", "location", "said"),
    [
        ([], ["body"], "Expected `object`, got `array`"),
        ({}, ["body"], "either query or name"),
        ({"query": "SELECT 1", "name": "orphan-tags"}, ["body"], "either query or name"),
        ({"query": 1}, ["body"], "Expected `str | null`"),
        ({"query": "SELECT 1", "org": "rival"}, ["body"], "unknown field"),
        ({"query": "SELECT 1", "parameters": []}, ["body"], "Expected `object`"),
        ({"query": "SELECT 1\0"}, ["body", "query"], "NUL"),
        ({"query": "SELECT $a", "parameters": {"a": {}}}, ["body", "parameters", "a"], "A parameter is a text"),
        ({"query": "SELECT $a", "parameters": {"a": "\0"}}, ["body", "parameters", "a"], "without NUL"),
        ({"query": "SELECT $a"}, ["body", "parameters", "a"], "needs a value"),
        ({"query": "SELECT 1", "parameters": {"b": 1}}, ["body", "parameters", "b"], "no parameter $b"),
        ({"name": "orphan-tag"}, ["body", "name"], "did you mean orphan-tags"),
        ({"name": "orphan-tags", "parameters": {"most": "many"}}, ["body", "parameters"], "must be a whole number"),
        ({"query": "SELECT 1 +\n FROM models"}, ["body", "query", "2", "2"], "Parser error in line 2, column 2"),
        ({"query": "SELECT licence FROM models"}, ["body", "query", "1", "8"], 'column "licence" not found'),
        ({"query": "SELECT 1;\nSELECT 2"}, ["body", "query", "2", "1"], "Only one statement"),
        ({"query": "SELECT * FROM read_text('/etc/passwd')"}, ["body", "query", "1", "15"], "'read_text' is not"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_question_is_reported_with_its_place(
    post: Post, body: Any, location: list[str], said: str
) -> None:
    answer = await post(body)
    assert answer.error == (422, "validation_error")
    [error] = answer.json["errors"]
    assert (error["loc"], error["type"]) == (location, "query_error")
    assert error["msg"] == answer.json["detail"]
    assert said in error["msg"]
    assert "cache-control" in answer.headers


async def test_lone_surrogates_are_no_text(post: Post) -> None:
    assert (await post(b'{"query": "SELECT \'\\ud800\'"}')).error == (422, "validation_error")
    assert (await post(b'{"query": "SELECT 1", "parameters": {"\\udfff": 1}}')).error == (422, "validation_error")
    assert (await post(b'{"query": "SELECT \xff"}')).error == (422, "validation_error")


async def test_no_error_is_long(post: Post) -> None:
    answer = await post({"query": f"SELECT CAST('{'x' * 1000}' AS INTEGER)"})
    assert answer.error == (422, "validation_error")
    assert len(answer.json["detail"]) == 200


async def test_a_query_that_takes_too_long_is_504_and_other_answers_go_on(settings: Settings, post: Post) -> None:
    async with serving(replace(settings, sql_deadline_ms=1500)) as app:
        while (await post({"query": "SELECT 1"}, app=app)).status != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        slow = await post({"query": "SELECT count(*) FROM range(1000000000000) a, range(1000000) b"}, app=app)
        assert slow.error == (504, "gateway_timeout_error")
        assert (await ask(app, "/api/v1/org/acme/models/facets", bearer("acme"))).status == 200


async def test_too_many_at_once_are_429_and_no_facets_wait_for_them(settings: Settings, post: Post) -> None:
    async with serving(replace(settings, sql_processes=1, sql_queue=0)) as app:
        await post({"query": "SELECT 1"}, app=app)
        slow = {"query": "SELECT count(*) FROM range(1000000000000) a, range(1000000) b"}
        running = asyncio.ensure_future(post(slow, app=app))
        for _ in range(20):
            await asyncio.sleep(0)
        refused = await post({"query": "SELECT 1"}, bearer("acme", sub="another"), app=app)
        assert refused.error == (429, "usage_limit_exceeded_error")
        assert refused.headers["retry-after"] == "1"
        assert (await ask(app, "/api/v1/org/acme/models/facets", bearer("acme"))).status == 200
        running.cancel()


async def test_only_post_asks(app: ASGIApp) -> None:
    answer = await ask(app, SQL, bearer("acme"))
    assert answer.error == (405, "invalid_error")
    assert answer.headers["allow"] == "POST"


async def test_without_a_snapshot_there_is_no_answer(settings: Settings, post: Post, tmp_path: Path) -> None:
    async with serving(replace(settings, lake=str(tmp_path / "lake"))) as app:
        assert (await post({"query": "SELECT 1"}, app=app)).error == (502, "bad_gateway_error")


async def test_the_log_has_who_asked_and_a_digest_and_never_the_query_or_its_answer(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    texts = ["SELECT 'a secret' FROM models", "SELECT 'a secret' FROM nowhere", "SELECT 'a secret'::INT"]
    with caplog.at_level(logging.INFO):
        for text in texts:
            await post({"query": text})
        await post({"name": "largest-orgs"})
    lines = [cast("Any", record).fields for record in caplog.records if hasattr(record, "fields")]
    told = [(line["sub"], line["org"], line["status"], line.get("rows"), line["outcome"]) for line in lines]
    assert told == [
        ("tester", "acme", 200, 2, "whole"),
        ("tester", "acme", 422, None, "query_error"),
        ("tester", "acme", 422, None, "query_error"),
        ("tester", "acme", 200, 1, "whole"),
    ]
    assert [line["sql"] for line in lines[:3]] == [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    assert lines[3]["sql_name"] == "largest-orgs"
    assert "secret" not in caplog.text
    assert not any("secret" in str(line) for line in lines)
