"""The requests of docs/api.md, sent to the sample, really served."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clients.conftest import Service

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\| .* \| `((?:/facets|\?)[^`]*)` \|$", PAGE, flags=re.MULTILINE)


def answered(service: Service, request: str) -> Any:
    answer = httpx.get(
        f"{service.address}/api/v1/org/google/models{request}",
        headers={"Authorization": f"Bearer {service.token('google')}"},
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_examples_are_found_in_the_document() -> None:
    assert len(EXAMPLES) == 8


@pytest.mark.parametrize("request_", EXAMPLES)
def test_an_example_of_the_document_is_answered(service: Service, request_: str) -> None:
    answer = answered(service, request_)

    assert answer.get("filtered_total", 1) > 0
    assert answer.get("values", answer.get("models", ["some"]))


def test_an_example_answers_the_question_beside_it(service: Service) -> None:
    names = [model["name"] for model in answered(service, EXAMPLES[3])["models"]]

    assert len(names) == 6
    assert "gemini-embedding-001" in names
