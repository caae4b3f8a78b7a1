"""What goes over the wire, body and header, is what the oracle says, whatever is asked for and in whichever form."""

from __future__ import annotations

import csv
import io
import random
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from litestar.testing import TestClient
from litestar.types import ASGIApp

from facets_svc.settings import Settings
from facets_svc.web.app import create_app_with_settings
from tests.oracle import PARAMETERS, Model, clean_catalogue, csv_lines
from tests.parity.published import Published, published
from tests.parity.test_tenancy import CATALOGUE
from tests.strategies import (
    ModelQuestion,
    Question,
    RawRow,
    ValueQuestion,
    catalogues,
    mixed_questions,
    model_questions,
    random_mixed_question,
    random_model_question,
    random_question,
    random_value_question,
    value_questions,
)

CSV = {"Accept": "text/csv"}

SECRET = "a secret of the parity tests, of 32 bytes or more"


@contextmanager
def serving(it: Published) -> Iterator[TestClient[ASGIApp]]:
    """Serve the lake in this process."""
    with TestClient(create_app_with_settings(Settings(lake=str(it.lake), jwt_secret=SECRET))) as client:
        yield client


def get(
    client: TestClient[ASGIApp],
    question: Question,
    parameters: list[tuple[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """Ask as a member of the question's org, and of no other."""
    sent = question.parameters() if parameters is None else parameters
    return asked(client, question.org, f"/api/v1/org/{question.org}/models/facets?{urlencode(sent)}", headers)


def asked(client: TestClient[ASGIApp], org: str, target: str, headers: Mapping[str, str] | None = None) -> Any:
    """Ask as a member of an org, and of no other."""
    claims = {"sub": "a reader", "exp": int(time.time()) + 600, "orgs": [org]}
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    return client.get(target, headers={"Authorization": f"Bearer {token}", **(headers or {})})


def get_values(client: TestClient[ASGIApp], asked_for: ValueQuestion, headers: Mapping[str, str] | None = None) -> Any:
    """Ask for one facet's values, as a member of the question's org."""
    org, key = asked_for.question.org, PARAMETERS[asked_for.facet]
    return asked(client, org, f"/api/v1/org/{org}/models/facets/{key}?{urlencode(asked_for.parameters())}", headers)


def assert_parity(client: TestClient[ASGIApp], models: Sequence[Model], *, seed: int, count: int) -> None:
    """Ask `count` questions of both: by turns one by the contract, two that mix all, one for a facet's values."""
    chance = random.Random(seed)  # noqa: S311 - seeded on purpose
    for number in range(count):
        if number % 4 == 3:
            assert_values(client, models, random_value_question(chance, models), as_csv=chance.random() < 0.3)
        else:
            question = (random_question, random_mixed_question, random_mixed_question)[number % 4](chance, models)
            assert_answer(client, models, question, as_csv=number % 4 == 2)


def assert_answer(client: TestClient[ASGIApp], models: Sequence[Model], question: Question, *, as_csv: bool) -> None:
    """Ask, compressed or not, and compare what is sent."""
    right = question.answered_by_oracle(models)
    response = get(client, question, headers=CSV if as_csv else {})
    assert response.status_code == 200, question
    assert truncated_of(response) == right.truncated, question
    if as_csv:
        assert lines(response) == right.lines(question.asked), question
    else:
        assert response.json() == question.body_of(right), question


def assert_values(client: TestClient[ASGIApp], models: Sequence[Model], asked: ValueQuestion, *, as_csv: bool) -> None:
    """Ask for one facet's values, and compare what is sent."""
    right = asked.answered_by_oracle(models)
    response = get_values(client, asked, CSV if as_csv else {})
    assert response.status_code == 200, asked
    key = PARAMETERS[asked.facet]
    assert truncated_of(response) == ([key] if len(right.listed.values) < right.total_values else []), asked
    if as_csv:
        assert lines(response) == csv_lines(key, right.listed, asked.question.asked[asked.facet]), asked
    else:
        assert response.json() == asked.body_of(right), asked


def assert_listed(client: TestClient[ASGIApp], models: Sequence[Model], asked_for: ModelQuestion) -> None:
    """Follow the cursors to the end, and compare what is sent page by page: every model once, in its order."""
    right = asked_for.answered_by_oracle(models)
    org = asked_for.question.org
    fields = asked_for.fields or list(models[0].record)
    cursor: str | None = None
    seen = 0
    while True:
        sent = asked_for.parameters() + ([("cursor", cursor)] if cursor else [])
        response = asked(client, org, f"/api/v1/org/{org}/models?{urlencode(sent)}")
        assert response.status_code == 200, asked_for
        body = response.json()
        cursor = body.pop("next_cursor")
        assert body == right.body(fields, seen, asked_for.limit), asked_for
        assert response.headers.get("X-Next-Cursor") == cursor
        seen += len(body["models"])
        if cursor is None:
            break
    assert seen == len(right.records), asked_for


def lines(response: Any) -> list[tuple[str, ...]]:
    """Return the lines of a CSV after its header."""
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    header, *rows = csv.reader(io.StringIO(response.text, newline=""))
    assert header == ["facet", "value", "count", "selected"]
    return [tuple(row) for row in rows]


def truncated_of(response: Any) -> list[str]:
    header = response.headers.get("X-Facets-Truncated")
    return header.split(",") if header is not None else []


@pytest.fixture(scope="module")
def client(sample: Published) -> Iterator[TestClient[ASGIApp]]:
    with serving(sample) as client:
        yield client


def test_the_sample_is_answered_over_http_as_the_oracle_answers(sample: Published, client: TestClient[ASGIApp]) -> None:
    assert_parity(client, sample.models, seed=6, count=120)


def test_a_crowd_of_awkward_values_is_answered_over_http_as_the_oracle_answers(crowded: Published) -> None:
    with serving(crowded) as client:
        assert_parity(client, crowded.models, seed=10, count=160)


def test_models_are_listed_over_http_as_the_oracle_lists_them(sample: Published, client: TestClient[ASGIApp]) -> None:
    chance = random.Random(13)  # noqa: S311 - seeded on purpose
    for _ in range(12):
        limit = chance.choice([20, 100, 200])
        assert_listed(client, sample.models, replace(random_model_question(chance, sample.models), limit=limit))


def test_parameters_in_another_order_or_twice_are_answered_with_the_same_bytes_and_etag(
    sample: Published, client: TestClient[ASGIApp]
) -> None:
    chance = random.Random(7)  # noqa: S311 - seeded on purpose
    for _ in range(20):
        question = random_mixed_question(chance, sample.models)
        parameters = question.parameters()
        first, second = get(client, question), get(client, question, [*reversed(parameters), *parameters])
        assert (second.status_code, second.content) == (200, first.content)
        assert second.headers["ETag"] == first.headers["ETag"]
        assert second.headers.get("X-Facets-Truncated") == first.headers.get("X-Facets-Truncated")


@settings(max_examples=8)
@given(catalogues(), st.data())
def test_generated_catalogues_are_answered_over_http_as_the_oracle_answers(
    catalogue: list[RawRow], choice: st.DataObject
) -> None:
    models, _ = clean_catalogue(catalogue)
    assume(models)
    with tempfile.TemporaryDirectory() as folder, published(catalogue, Path(folder)) as it, serving(it) as client:
        for question in choice.draw(st.lists(mixed_questions(models), min_size=12, max_size=12)):
            assert_answer(client, models, question, as_csv=choice.draw(st.booleans()))
        for asked_for in choice.draw(st.lists(value_questions(models), min_size=4, max_size=4)):
            assert_values(client, models, asked_for, as_csv=choice.draw(st.booleans()))
        for listing in choice.draw(st.lists(model_questions(models), min_size=3, max_size=3)):
            assert_listed(client, models, listing)


def test_no_byte_of_what_others_keep_private_goes_over_the_wire(tmp_path: Path) -> None:
    shapes = [
        {},
        {"include_public": "true"},
        {"include_public": "true", "facet_limit": "1"},
        {"include_public": "true", "search": "e"},
        {"include_public": "true", "tags": "shared"},
        {"include_public": "true", "license": "gpl", "size_category": "none"},
        {"include_public": "true", "counts": "true"},
        {"include_public": "true", "counts": "true", "facet_limit": "1", "exclude": "license:gpl", "match": "tags:any"},
        {"include_public": "true", "counts": "true", "missing": "size_category", "parameters_min": "1"},
        {"include_public": "perhaps"},
        {"facet_limit": "0"},
    ]
    with published(CATALOGUE, tmp_path) as it, serving(it) as client:
        for org in ("ann", "eve"):
            for shape in shapes:
                question = Question(org=org, include_public=False, search="", selected={}, limit=1)
                response = get(client, question, list(shape.items()))
                assert response.status_code == (422 if {"perhaps", "0"} & set(shape.values()) else 200)
                assert "canary" not in response.text + str(response.headers)
            for query in ("", "?include_public=true&sort=name", "?include_public=1&search=e&fields=id&limit=1"):
                response = asked(client, org, f"/api/v1/org/{org}/models{query}")
                assert response.status_code == 200
                assert "canary" not in response.text + str(response.headers)
            for key in PARAMETERS.values():
                for query in ("q=canary", "sort=value&include_public=true", "q=a&include_public=true&tags=shared"):
                    response = asked(client, org, f"/api/v1/org/{org}/models/facets/{key}?{query}")
                    assert response.status_code == 200
                    assert "canary" not in response.text + str(response.headers)
