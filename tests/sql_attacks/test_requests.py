"""What a stranger sends instead of a question: other bodies, other headers, other methods, other values."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from facets_svc.analyst.cookbook import cookbook
from tests.sql_attacks.conftest import JSON, Stranger, opened
from tests.sql_attacks.worlds import Worlds
from tests.web.client import ask, bearer, operator

pytestmark = pytest.mark.anyio

KIB = 1024

BODIES: list[tuple[bytes, int]] = [
    (b"", 422),
    (b" ", 422),
    (b"null", 422),
    (b"[]", 422),
    (b'"SELECT 1"', 422),
    (b"SELECT 1", 422),
    (b"query=SELECT+1", 422),
    (b"{", 422),
    (b'{"query"', 422),
    (b'{"query":"SELECT 1"', 422),
    (b'{"query":"SELECT 1"}}', 422),
    (b'{"query":"SELECT 1"}\0', 422),
    (b'{"query":"SELECT 1",}', 422),
    (b"{'query':'SELECT 1'}", 422),
    (b'\xef\xbb\xbf{"query":"SELECT 1"}', 422),
    ('{"query":"SELECT 1"}'.encode("utf-16"), 422),
    (b'{"query":"SELECT \xff"}', 422),
    (b'{"query":"SELECT \xed\xa0\x80"}', 422),
    (b'{"query":"SELECT \xc0\xa7"}', 422),
    (b'{"query":"SELECT \\ud800"}', 422),
    (b'{"query":"SELECT \\udc00\\ud800"}', 422),
    (b'{"query":"SELECT 1\\u0000"}', 422),
    (b'{"query":"SELECT\n1"}', 422),
    (b"[" * 60_000, 422),
    (b'{"query":' * 7_000, 422),
    (b'{"query":"SELECT 1","parameters":{"a":' + b"[" * 60_000 + b"}}", 422),
    (b'{"query":"SELECT 1","parameters":{"a":' + b"[" * 1000 + b"]" * 1000 + b"}}", 422),
    (b'{"query":null}', 422),
    (b'{"name":null}', 422),
    (b'{"query":null,"name":null}', 422),
    (b'{"query":""}', 422),
    (b'{"name":""}', 422),
    (b'{"name":"../models"}', 422),
    (b'{"name":"cookbook/orphan-tags"}', 422),
    (b'{"name":"ORPHAN-TAGS"}', 422),
    (b'{"name":"' + b"x" * 60_000 + b'"}', 422),
    (b'{"query":1}', 422),
    (b'{"query":["SELECT 1"]}', 422),
    (b'{"query":"SELECT 1","name":"orphan-tags"}', 422),
    (b'{"query":"SELECT 1","org":"rival"}', 422),
    (b'{"query":"SELECT 1","snapshot":"first"}', 422),
    (b'{"query":"SELECT 1","limits":{"seconds":1000}}', 422),
    (b'{"query":"SELECT 1","__proto__":{}}', 422),
    (b'{"Query":"SELECT 1"}', 422),
    (b'{"query":"SELECT 1","parameters":null}', 422),
    (b'{"query":"SELECT 1","parameters":[]}', 422),
    (b'{"query":"SELECT 1","parameters":"a"}', 422),
    (b'{"query":"SELECT 1","parameters":{"a":1}}', 422),
    (b'{"query":"SELECT 1","parameters":{"":1}}', 422),
    (b'{"query":"SELECT 1","parameters":{"' + b"a" * 60_000 + b'":1}}', 422),
    (b'{"query":"SELECT $a"}', 422),
    (b'{"query":"SELECT $a","parameters":{"a":{}}}', 422),
    (b'{"query":"SELECT $a","parameters":{"a":[[1]]}}', 422),
    (b'{"query":"SELECT $a","parameters":{"a":[{"b":1}]}}', 422),
    (b'{"query":"SELECT $a","parameters":{"a":"\\u0000"}}', 422),
    (b'{"query":"SELECT $a","parameters":{"a":["\\ud800"]}}', 422),
    (b'{"query":"SELECT $a","parameters":{"a":1e999}}', 422),
    (b'{"query":"SELECT $a","parameters":{"a":NaN}}', 422),
    (b'{"query":"SELECT $a","parameters":{"a":-Infinity}}', 422),
    (b'{"query":"SELECT $a","parameters":{"a":' + b"9" * 60_000 + b"}}", 422),
    (b'{"query":"SELECT 1","query":"SELECT stats(1)"}', 422),
    (b'{"query":"SELECT stats(1)","query":"SELECT 1"}', 200),
    (b'{"query":"SELECT 1"}' + b" " * 60_000, 200),
    (b'{"query":"SELECT 1"}' + b" " * 65_536, 413),
    (b'{"query":"' + b"x" * 2**20 + b'"}', 413),
    (b'{"name":"license-compliance","parameters":{"allowed":"' + b"[" * 60_000 + b'"}}', 422),
    (b'{"name":"license-compliance","parameters":{"allowed":"[\\"\\\\ud800\\"]"}}', 422),
    (b'{"name":"license-compliance","parameters":{"allowed":"[\\"\\\\u0000\\"]"}}', 422),
    (b'{"name":"license-compliance","parameters":{"allowed":[1]}}', 422),
    (b'{"name":"license-compliance","parameters":{"allowed":{}}}', 422),
    (b'{"name":"license-compliance","parameters":{"allowed":"mit","other":1}}', 422),
    (b'{"name":"license-compliance","parameters":{"org":1}}', 422),
]


async def test_a_body_that_is_no_question_is_refused(stranger: Stranger) -> None:
    answers = await asyncio.gather(*(stranger.post(body) for body, _ in BODIES[::2]))
    answers += await asyncio.gather(*(stranger.post(body) for body, _ in BODIES[1::2]))
    wrong = [
        (body[:200], answer.status, answer.body)
        for (body, status), answer in zip([*BODIES[::2], *BODIES[1::2]], answers, strict=True)
        if answer.status != status
    ]
    assert wrong == []
    assert (await stranger.facets()).status == 200


HOSTILE: list[Any] = [
    "' OR true --",
    "'; SELECT 2; --",
    "$b",
    "models",
    "(SELECT max(license) FROM models)",
    "first') UNION SELECT * FROM models_at('first",
    "%",
    "\\",
    "{{x}}",
    "\u202e\u200b\ufeff",
    "e\u0301",
    "NaN",
    "null",
    "x" * 60_000,
    "",
    0,
    -1,
    2**63,
    -(2**63) - 1,
    2**64,
    2**127,
    10**400,
    1.5,
    5e-324,
    -0.0,
    1e308,
    True,
    None,
    [],
    [None],
    [1, "a", None, True],
    ["a"] * 5_000,
    [2**200],
]
"""Values of parameters that look like something else."""

PLACES = [
    "SELECT $a AS given",
    "SELECT count(*) FROM models WHERE license = $a",
    "SELECT count(*) FROM models WHERE list_contains(tags, $a)",
    "SELECT count(*) FROM models WHERE id LIKE $a",
    "SELECT count(*) FROM models_at($a)",
    "SELECT id FROM models ORDER BY $a LIMIT 3",
    "SELECT id FROM models ORDER BY id LIMIT $a",
    "SELECT COLUMNS($a) FROM models LIMIT 1",
    "SELECT regexp_matches(id, $a) FROM models",
    "SELECT count(*) FROM range($a::BIGINT % 100)",
    "SELECT CAST($a AS INTEGER)",
    "SELECT strptime('2020', $a)",
    "SELECT printf($a, 1)",
    "SELECT json_extract('{}', $a)",
    "SELECT list_aggregate([1], $a)",
    "SELECT to_json($a), typeof($a), [$a], {'a': $a}",
]


async def test_the_value_of_a_parameter_is_a_value_and_no_sql(stranger: Stranger, twin: Stranger) -> None:
    questions = [
        {"query": place, "parameters": {"a": HOSTILE[(7 * number + step) % len(HOSTILE)]}}
        for number, place in enumerate(PLACES)
        for step in (0, 11)
    ]
    await _assert_alike(stranger, twin, questions)


@pytest.mark.soak
async def test_every_value_of_every_parameter_is_a_value(stranger: Stranger, twin: Stranger) -> None:
    questions = [{"query": place, "parameters": {"a": value}} for place in PLACES for value in HOSTILE]
    await _assert_alike(stranger, twin, questions)


def _of_cookbook(values: list[Any]) -> list[dict[str, Any]]:
    questions = []
    for query in cookbook():
        needed: dict[str, Any] = {name: "x" for name, one in query.parameters.items() if one.default is None}
        for name in query.parameters:
            questions += [{"name": query.name, "parameters": {**needed, name: value}} for value in values]
    return questions


async def test_queries_of_the_cookbook_answer_alike(stranger: Stranger, twin: Stranger) -> None:
    await _assert_alike(stranger, twin, _of_cookbook(["' OR true --", -1])[::2])


@pytest.mark.soak
async def test_queries_of_the_cookbook_answer_alike_to_every_value(stranger: Stranger, twin: Stranger) -> None:
    await _assert_alike(stranger, twin, _of_cookbook(HOSTILE))


async def _assert_alike(stranger: Stranger, twin: Stranger, questions: list[dict[str, Any]]) -> None:
    """To each question both answer the same, byte for byte, and neither fails."""
    turns = asyncio.Semaphore(4)

    async def pair(question: dict[str, Any]) -> tuple[str, tuple[int, bytes], tuple[int, bytes]]:
        async with turns:
            here, there = await asyncio.gather(stranger.post(question), twin.post(question))
            return json.dumps(question)[:200], (here.status, here.body), (there.status, there.body)

    answered = await asyncio.gather(*map(pair, questions))
    assert [one for one in answered if one[1] != one[2] or one[1][0] not in {200, 422}] == []
    assert (await stranger.facets()).status == 200


async def test_a_text_that_is_sql_matches_nothing(stranger: Stranger) -> None:
    answer = await stranger.sql("SELECT count(*) FROM models WHERE id = $a", {"a": "' OR true --"})
    assert answer.json["rows"] == [[0]]


QUESTION = {"query": "SELECT 1"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"])
async def test_no_other_method_asks(stranger: Stranger, method: str) -> None:
    answer = await stranger.post(QUESTION, ("X-HTTP-Method-Override", "POST"), method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json2",
        "application/sql",
        "application/problem+json",
        "application/json; charset=utf-16",
        "application/json, text/plain",
    ],
)
async def test_no_other_type_of_body_is_read(stranger: Stranger, content_type: str) -> None:
    answer = await stranger.post(QUESTION, ("Content-Type", content_type))
    assert answer.error == (415, "invalid_error")


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*;q=0", "application/json"),
        ("application/json;q=0, text/csv;q=0", None),
        ("text/html", "application/json"),
        (",;=", "application/json"),
        ("text/csv;q=nonsense", None),
        ("text/csv;q=9", None),
        ("text/csv; charset=utf-16", "text/csv"),
        ("*/*" + ", text/x" * 1000, "application/json"),
        ("TEXT/CSV", "text/csv"),
        ("application/vnd.apache.parquet\x00", None),
    ],
)
async def test_whatever_is_accepted_there_is_an_answer(
    stranger: Stranger, accept: str, content_type: str | None
) -> None:
    answer = await stranger.post(QUESTION, ("Accept", accept))
    assert answer.status == 200
    if content_type is not None:
        assert answer.headers["content-type"].partition(";")[0] == content_type


async def test_a_body_that_is_compressed_is_not_unpacked(stranger: Stranger) -> None:
    body = gzip.compress(b'{"query":"SELECT 1","padding":"' + b" " * 10**6 + b'"}')
    assert (await stranger.post(body, ("Content-Encoding", "gzip"))).status == 422


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/org/acme/sql/", 404),
        ("/api/v1/org/acme/SQL", 404),
        ("/api/v1/org//sql", 404),
        ("/api/v1/org/acme/sql/queries/", 404),
        ("/api/v1/org/acme/sql/queries/orphan-tags", 404),
        ("/api/v1/org/rival%2F..%2Facme/sql", 404),
        ("/api/v1/org/../sql", 422),
        ("/api/v1/org/%2e%2e/sql", 422),
        ("/api/v1/org/acme%00/sql", 422),
        ("/api/v1/org/*/sql", 422),
        ("/api/v1/org/%ff/sql", 400),
        ("/api/v1/org/ACME/sql", 403),
        ("/api/v1/org/rival/sql", 403),
        ("/api/v1/org/nobody/sql", 403),
        ("/api/v1/org/rival/sql/queries", 405),
        ("/api/v1/org/acme/sql?org=rival&query=SELECT+2&include_public=false", 200),
    ],
)
async def test_no_other_path_leads_there(stranger: Stranger, path: str, status: int) -> None:
    answer = await ask(stranger.app, path, JSON, bearer("acme"), method="POST", body=b'{"query":"SELECT 1"}')
    assert answer.status == status
    assert answer.json.get("rows", [[1]]) == [[1]]


async def test_another_org_is_forbidden_whether_it_is_there_or_not(stranger: Stranger) -> None:
    bodies = {
        (await ask(stranger.app, f"/api/v1/org/{org}/sql{end}", JSON, bearer("acme"), method=method, body=b"{")).body
        for org in ("rival", "hermit", "nobody")
        for end, method in (("", "POST"), ("/queries", "GET"))
    }
    assert len(bodies) == 1


async def test_a_token_for_two_orgs_sees_one_at_a_time(stranger: Stranger, twin: Stranger) -> None:
    for query in ("FROM models", "FROM models_at('first')", "FROM facet_values", "FROM snapshots"):
        both = await stranger.sql(query, None, bearer("acme", "rival", "third", "hermit"))
        of_all = await stranger.sql(query, None, operator())
        assert both.body == of_all.body == (await twin.sql(query)).body


async def test_one_who_has_nothing_sees_what_everybody_does(stranger: Stranger, twin: Stranger) -> None:
    nobody = [Stranger(one.app, one.secrets, "nobody") for one in (stranger, twin)]
    for query in ("FROM models", "FROM models_at('first')", "FROM facet_values_at('previous')", "FROM snapshots"):
        here, there = [await one.sql(query) for one in nobody]
        assert (here.status, here.body) == (200, there.body)
        assert here.body != (await stranger.sql(query)).body


@pytest.mark.parametrize(("enabled", "member", "of_all"), [(None, 403, 200), (False, 403, 403)])
async def test_a_refused_client_learns_nothing_of_the_request_body(
    worlds: Worlds, enabled: bool | None, member: int, of_all: int
) -> None:
    async with opened(worlds.world, sql_enabled=enabled) as stranger:
        for header, status in ((bearer("acme"), member), (operator(), of_all)):
            answers = [await stranger.post(body, header) for body in (QUESTION, b"{", b" " * 100_000)]
            assert [answer.status for answer in answers] == ([403] * 3 if status == 403 else [200, 422, 413])
            if status == 403:
                assert len({answer.body for answer in answers}) == 1
