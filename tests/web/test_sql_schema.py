"""schemathesis asks the real server in SQL what its OpenAPI document allows."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from schemathesis import GenerationMode
from schemathesis.checks import positive_data_acceptance

from tests.faults.serving import Server
from tests.web.client import token
from tests.web.test_sql_served import server

__all__ = ["server"]

SQL = "/api/v1/org/{org}/sql"
QUERIES = "/api/v1/org/{org}/sql/queries"
OPERATOR = {"Authorization": f"Bearer {token(orgs='*', exp=int(time.time()) + 86400)}"}


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_to_sql_is_what_the_document_says(server: Server, mode: GenerationMode) -> None:
    described = schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}/schema/openapi.json")
    asked = 0
    for found in described.get_all_operations():
        operation = cast("Any", found).ok()
        if operation.path not in (SQL, QUERIES):
            continue
        if operation.path == QUERIES and mode is GenerationMode.NEGATIVE:
            continue  # nothing can be wrong where there are no parameters

        @hypothesis_settings(max_examples=15)
        @given(operation.as_strategy(generation_mode=mode))
        def check(case: Any) -> None:
            nonlocal asked
            asked += 1
            # what a parameter's name or value is, a query knows and no schema
            case.call_and_validate(headers=OPERATOR, excluded_checks=[positive_data_acceptance], timeout=60)

        check()
    assert asked
