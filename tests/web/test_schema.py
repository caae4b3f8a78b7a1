"""schemathesis asks the real server what its own OpenAPI document allows, and what it does not."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import given
from schemathesis import GenerationMode
from schemathesis.checks import positive_data_acceptance

from tests.web.client import token
from tests.web.live import Server, start


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start(tmp_path_factory.mktemp("lake"))
    yield server
    server.stop()


OPERATOR = {"Authorization": f"Bearer {token(orgs='*', exp=int(time.time()) + 86400)}"}


QUESTIONS = {
    "/api/v1/org/{org}/models",
    "/api/v1/org/{org}/models/facets",
    "/api/v1/org/{org}/models/facets/{facet}",
    "/api/v1/org/{org}/models/{id}",
    "/api/v1/org/{org}/snapshots",
}
SQL = "/api/v1/org/{org}/sql"

EVERY_MODE = pytest.mark.parametrize("mode", list(GenerationMode))
EVERYBODY = pytest.mark.parametrize("headers", [OPERATOR, {}], ids=["operator", "nobody"])


def hold_to_the_document(server: Server, mode: GenerationMode, headers: dict[str, str]) -> int:
    """Ask what the document allows, or what it does not, and hold every answer against it; return how often."""
    described = schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}/schema/openapi.json")
    asked: Counter[str] = Counter()

    for found in described.get_all_operations():
        operation = cast("Any", found).ok()
        if mode is GenerationMode.NEGATIVE and operation.path not in QUESTIONS:
            continue  # nothing can be wrong where there are no parameters
        if operation.path == SQL:
            continue  # there is no lake behind this server; tests/web/test_sql_schema.py asks one that has one

        @given(operation.as_strategy(generation_mode=mode))
        def check(case: Any) -> None:
            asked[case.operation.path] += 1
            # the contract calls the org a string and stays as it is: that an org is a slug, its schema does not say
            case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

        check()

    assert set(asked) >= QUESTIONS
    return asked.total()


@EVERY_MODE
@EVERYBODY
def test_every_answer_is_what_the_document_says(server: Server, mode: GenerationMode, headers: dict[str, str]) -> None:
    hold_to_the_document(server, mode, headers)


@pytest.mark.soak
@EVERY_MODE
@EVERYBODY
def test_every_one_of_thousands_of_answers_is_what_the_document_says(
    server: Server, mode: GenerationMode, headers: dict[str, str], say: Callable[[str], None]
) -> None:
    asked = hold_to_the_document(server, mode, headers)
    say(f"schemathesis, {mode.value}, {'operator' if headers else 'nobody'}: {asked:,} requests, 0 failures")
