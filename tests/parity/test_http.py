"""What goes over the wire, body and header, is what the oracle says."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
from tests.oracle import OracleAnswer, clean_catalogue
from tests.parity.published import Published, published
from tests.parity.test_tenancy import CATALOGUE
from tests.strategies import Question, RawRow, catalogues, questions, random_question

SECRET = "a secret of the parity tests, of 32 bytes or more"


@contextmanager
def serving(it: Published) -> Iterator[TestClient[ASGIApp]]:
    """Serve the lake in this process."""
    with TestClient(create_app_with_settings(Settings(lake=str(it.lake), jwt_secret=SECRET))) as client:
        yield client


def get(client: TestClient[ASGIApp], question: Question, parameters: list[tuple[str, str]] | None = None) -> Any:
    """Ask as a member of the question's org, and of no other."""
    sent = question.parameters() if parameters is None else parameters
    claims = {"sub": "a reader", "exp": int(time.time()) + 600, "orgs": [question.org]}
    return client.get(
        f"/api/v1/org/{question.org}/models/facets?{urlencode(sent)}",
        headers={"Authorization": f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"},
    )


def said(response: Any) -> tuple[int, dict[str, Any], list[str]]:
    """Return status, body and the response keys that are told to be truncated."""
    header = response.headers.get("X-Facets-Truncated")
    return response.status_code, response.json(), header.split(",") if header is not None else []


def expected(answer: OracleAnswer) -> tuple[int, dict[str, Any], list[str]]:
    return 200, answer.body(), answer.truncated


@pytest.fixture(scope="module")
def client(sample: Published) -> Iterator[TestClient[ASGIApp]]:
    with serving(sample) as client:
        yield client


def test_the_sample_is_answered_over_http_as_the_oracle_answers(sample: Published, client: TestClient[ASGIApp]) -> None:
    chance = random.Random(6)  # noqa: S311 - seeded on purpose
    for number in range(80):
        question = random_question(chance, sample.models)
        right = expected(question.answered_by_oracle(sample.models))
        assert said(get(client, question)) == right, f"question {number}: {question}"


def test_a_crowd_of_awkward_values_is_answered_over_http_as_the_oracle_answers(crowded: Published) -> None:
    chance = random.Random(10)  # noqa: S311 - seeded on purpose
    with serving(crowded) as client:
        for number in range(80):
            question = random_question(chance, crowded.models)
            right = expected(question.answered_by_oracle(crowded.models))
            assert said(get(client, question)) == right, f"question {number}: {question}"


def test_parameters_in_another_order_or_twice_are_answered_with_the_same_bytes_and_etag(
    sample: Published, client: TestClient[ASGIApp]
) -> None:
    chance = random.Random(7)  # noqa: S311 - seeded on purpose
    for _ in range(20):
        question = random_question(chance, sample.models)
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
        for question in choice.draw(st.lists(questions(models), min_size=12, max_size=12)):
            assert said(get(client, question)) == expected(question.answered_by_oracle(models)), question


def test_no_byte_of_what_others_keep_private_goes_over_the_wire(tmp_path: Path) -> None:
    shapes = [
        {},
        {"include_public": "true"},
        {"include_public": "true", "facet_limit": "1"},
        {"include_public": "true", "search": "e"},
        {"include_public": "true", "tags": "shared"},
        {"include_public": "true", "license": "gpl", "size_category": "none"},
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
