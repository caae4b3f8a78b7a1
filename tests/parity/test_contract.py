"""A request without any of the additions is answered as it was before there were any, to the byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from litestar.types import ASGIApp

from tests.parity.published import Published
from tests.parity.test_http import asked, serving

ANSWERS = json.loads(Path(__file__).with_name("contract_answers.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def client(sample: Published) -> Iterator[TestClient[ASGIApp]]:
    with serving(sample) as client:
        yield client


@pytest.mark.parametrize("before", ANSWERS, ids=[answer["query"] or "nothing" for answer in ANSWERS])
@pytest.mark.parametrize("coding", ["identity", "gzip", "zstd"])
def test_an_answer_is_what_it_was(client: TestClient[ASGIApp], before: dict[str, Any], coding: str) -> None:
    headers = {"Accept": "*/*", "Accept-Encoding": coding}
    answer = asked(client, "timm", f"/api/v1/org/timm/models/facets?{before['query']}", headers)
    assert answer.status_code == before["status"]
    assert answer.headers["Content-Type"] == before["content_type"]
    assert answer.headers.get("X-Facets-Truncated") == before["truncated"]
    if "body" in before:
        assert answer.content.decode() == before["body"]
    else:
        assert hashlib.sha256(answer.content).hexdigest() == before["sha256"]
