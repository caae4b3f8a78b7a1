"""In which form an answer is sent: JSON or CSV, compressed or not, by what the request takes."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.types import ASGIApp

from facets_svc.csv_text import guarded
from facets_svc.web.negotiation import qualities
from facets_svc.web.representation import form_of
from tests.decoding import decoded
from tests.service.engines import OracleEngine, row
from tests.web.client import FACETS, Answer, ask, bearer

pytestmark = pytest.mark.anyio

ACME = bearer("acme")
CSV = ("Accept", "text/csv")
FIXED = ("X-Request-Id", "r1")


@pytest.fixture
def engine() -> OracleEngine:
    """An engine whose whole answers are worth compressing, and whose cut ones are not."""
    numbered = [f"tag number {number}" for number in range(200)]
    hostile = ["=HYPERLINK(1)", "a,b", 'say "hi"', "two\nlines", "'quoted"]
    return OracleEngine([row("acme", "one", tags=[*numbered, *hostile], license="mit")])


def form(accept: str = "", accept_encoding: str = "") -> tuple[str, str]:
    chosen = form_of([accept], [accept_encoding])
    return chosen.media_type.name.partition(";")[0], chosen.coding.name


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV;charset=utf-8", "text/csv"),
        ("text/*", "text/csv"),
        ("text/csv, application/json", "application/json"),
        ("text/csv, application/json;q=0.9", "text/csv"),
        ("text/csv;q=0.5, */*;q=0.1", "text/csv"),
        ("text/csv;q=0.1, */*", "application/json"),
        ("text/csv;q=0", "application/json"),
        ("text/csv;q=2", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("image/png", "application/json"),
        (";;,=,", "application/json"),
    ],
)
def test_json_is_sent_unless_csv_is_preferred(accept: str, media_type: str) -> None:
    assert form(accept)[0] == media_type


@pytest.mark.parametrize(
    ("accept_encoding", "coding"),
    [
        ("", "identity"),
        ("gzip", "gzip"),
        ("GZip", "gzip"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1, zstd;q=0.9", "gzip"),
        ("gzip;q=0.5, zstd;q=0", "gzip"),
        ("*", "zstd"),
        ("*;q=0.5, zstd;q=0", "gzip"),
        ("identity, gzip;q=0.5", "identity"),
        ("identity;q=0.5, gzip", "gzip"),
        ("identity;q=0", "identity"),
        ("br, deflate", "identity"),
        ("gzip;q=0", "identity"),
        ("gzip;q=nonsense", "identity"),
    ],
)
def test_what_is_taken_most_gladly_is_sent(accept_encoding: str, coding: str) -> None:
    assert form("", accept_encoding)[1] == coding


@given(st.text(st.characters(codec="latin-1"), max_size=40))
def test_no_header_whatever_crashes(header: str) -> None:
    assert all(0 <= weight <= 1 for weight in qualities(header).values())
    assert form(header, header)[0] in ("application/json", "text/csv")


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("path", [FACETS, FACETS + "?counts=true", FACETS + "/tags?limit=1000"])
async def test_a_compressed_answer_is_the_same_answer(app: ASGIApp, path: str, coding: str) -> None:
    plain = await ask(app, path, ACME, FIXED)
    answer = await ask(app, path, ACME, FIXED, ("Accept-Encoding", coding))
    again = await ask(app, path, ACME, FIXED, ("Accept-Encoding", coding))
    head = await ask(app, path, ACME, FIXED, ("Accept-Encoding", coding), method="HEAD")

    assert decoded(answer.body, coding) == plain.body
    assert answer.headers.pop("content-encoding") == coding
    assert answer.headers.pop("content-length") == str(len(answer.body))
    assert len(answer.body) < len(plain.body) / 2
    assert answer.headers.pop("etag") != plain.headers["etag"]
    assert answer.headers == {key: plain.headers[key] for key in plain.headers if key not in ("etag", "content-length")}
    assert (again.body, again.timing) == (answer.body, head.timing)
    assert (head.headers, head.body) == (again.headers, b"")


async def test_a_small_answer_is_not_compressed_and_has_the_same_tag(app: ASGIApp) -> None:
    path = FACETS + "?facet_limit=1"
    plain = await ask(app, path, ACME, FIXED)
    answer = await ask(app, path, ACME, FIXED, ("Accept-Encoding", "zstd, gzip"))
    assert (answer.headers, answer.body) == (plain.headers, plain.body)


async def test_each_form_is_revalidated_by_its_own_tag(app: ASGIApp) -> None:
    forms = [
        [],
        [("Accept-Encoding", "gzip")],
        [("Accept-Encoding", "zstd")],
        [CSV],
        [CSV, ("Accept-Encoding", "gzip")],
    ]
    tags = [(await ask(app, FACETS, ACME, *headers)).headers["etag"] for headers in forms]
    assert len(set(tags)) == len(forms)
    for headers, tag in zip(forms, tags, strict=True):
        found = [(await ask(app, FACETS, ACME, *headers, ("If-None-Match", other))).status for other in tags]
        assert found == [304 if other == tag else 200 for other in tags]
    unchanged = await ask(app, FACETS, ACME, ("Accept-Encoding", "gzip"), ("If-None-Match", tags[1]))
    assert "content-encoding" not in unchanged.headers


async def test_errors_are_json_and_as_they_are(app: ASGIApp) -> None:
    answer = await ask(app, FACETS + "?facet_limit=0", ACME, CSV, ("Accept-Encoding", "gzip"))
    assert answer.error == (422, "validation_error")


def lines(answer: Answer) -> list[list[str]]:
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(answer.body.decode(), newline="")))


async def test_csv_has_a_line_a_value(app: ASGIApp) -> None:
    answer = await ask(app, FACETS + "?facet_limit=1&license=mit&license=gpl", ACME, CSV)
    assert answer.body == (
        b"facet,value,count,selected\r\ntags,''quoted,1,false\r\nlicenses,mit,1,true\r\nlicenses,gpl,0,true\r\n"
    )
    assert answer.headers["x-facets-truncated"] == "tags"
    assert int((await ask(app, FACETS, ACME, CSV, method="HEAD")).headers["content-length"]) > 1000


async def test_csv_holds_every_value_whatever_is_in_it(app: ASGIApp) -> None:
    everything = await ask(app, FACETS + "/tags?limit=1000", ACME)
    header, *rows = lines(await ask(app, FACETS + "/tags?limit=1000", ACME, CSV))
    assert header == ["facet", "value", "count", "selected"]
    values = [value["value"] for value in everything.json["values"]]
    assert [value for _, value, _, _ in rows] == [guarded(value) for value in values]
    assert {"a,b", 'say "hi"', "two\nlines", "''quoted", "'=HYPERLINK(1)"} <= {value for _, value, _, _ in rows}


async def test_csv_with_counts_is_the_csv_without(app: ASGIApp) -> None:
    one, other = [await ask(app, FACETS + query, ACME, CSV, FIXED) for query in ("", "?counts=true&timeline=true")]
    assert (one.headers, one.body) == (other.headers, other.body)
