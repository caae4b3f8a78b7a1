from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from facets_svc.analyst.parameters import assigned, converted, declared, guessed
from facets_svc.errors import QueryError
from facets_svc.sql import Parameter


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10", 10),
        ("-3", -3),
        ("007", "007"),
        ("99999999999999999999", "99999999999999999999"),
        ("1.50", 1.5),
        ("1e5", "1e5"),
        ("True", True),
        ("NULL", None),
        ('["a", "b"]', ["a", "b"]),
        ("[a", "[a"),
        ("2026-11-01", "2026-11-01"),
        ("", ""),
    ],
)
def test_a_value_is_what_it_looks_like(text: str, value: Any) -> None:
    assert guessed(text) == value
    assert type(guessed(text)) is type(value)


def test_assignments_are_read_by_name() -> None:
    given = assigned(["org=acme", "tag:varchar=007", "sql=a=b\nc", "none="])

    assert given == {"org": (None, "acme"), "tag": ("VARCHAR", "007"), "sql": (None, "a=b\nc"), "none": (None, "")}


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["acme"], "'acme' is not a parameter. Write name=value or name:TYPE=value"),
        (["a:BLOB=x"], "BLOB is not a type of parameters. The types are VARCHAR, BIGINT"),
        (["a=1", "a=2"], "The parameter a is given twice"),
    ],
)
def test_what_is_no_assignment_is_refused(assignments: list[str], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        assigned(assignments)


@pytest.mark.parametrize(
    ("type_", "given", "value"),
    [
        ("VARCHAR", "null", "null"),
        ("VARCHAR", None, None),
        ("BIGINT", "10", 10),
        ("BIGINT", 10, 10),
        ("BIGINT", "null", None),
        ("DOUBLE", "1.5", 1.5),
        ("DOUBLE", 2, 2.0),
        ("BOOLEAN", "TRUE", True),
        ("BOOLEAN", False, False),
        ("DATE", "2026-11-01", date(2026, 11, 1)),
        ("TIMESTAMP", "2026-11-01T02:00:00", datetime(2026, 11, 1, 2)),  # noqa: DTZ001 - as DuckDB's TIMESTAMP
        ("VARCHAR[]", "a, b,", ["a", "b"]),
        ("VARCHAR[]", '["a,b"]', ["a,b"]),
        ("VARCHAR[]", ["a"], ["a"]),
    ],
    ids=repr,
)
def test_a_value_becomes_one_of_the_declared_type(type_: str, given: Any, value: Any) -> None:
    assert converted("x", type_, given) == value


@pytest.mark.parametrize(
    ("type_", "given"),
    [
        ("VARCHAR", 1),
        ("BIGINT", "1.5"),
        ("BIGINT", True),
        ("BIGINT", 1.5),
        ("BIGINT", str(2**63)),
        ("DOUBLE", "x"),
        ("DOUBLE", True),
        ("BOOLEAN", "yes"),
        ("DATE", "1 November"),
        ("VARCHAR[]", [1]),
        ("VARCHAR[]", "[1"),
        ("VARCHAR[]", {}),
    ],
    ids=repr,
)
def test_a_value_of_another_type_is_refused_by_name(type_: str, given: Any) -> None:
    with pytest.raises(QueryError, match=r"^The parameter x must be .*, and .* is not\.$"):
        converted("x", type_, given)


DECLARED = {
    "org": Parameter("VARCHAR", "whose", "NULL"),
    "most": Parameter("BIGINT", "how many", "20"),
    "word": Parameter("VARCHAR", "a word", "'it''s'"),
    "names": Parameter("VARCHAR[]", "names", "'a,b'"),
}


def test_what_is_not_given_is_its_default() -> None:
    assert declared(DECLARED, {"most": "5"}) == {"org": None, "most": 5, "word": "it's", "names": ["a", "b"]}


def test_an_undeclared_parameter_is_refused_and_what_is_needed_is_asked_for() -> None:
    with pytest.raises(QueryError, match="The query has no parameter x; its parameters are org, most, word, names"):
        declared(DECLARED, {"x": 1})
    with pytest.raises(QueryError, match="The query has no parameter x; it has none"):
        declared({}, {"x": 1})
    with pytest.raises(QueryError, match=r"The query needs the parameter org: whose\."):
        declared({"org": Parameter("VARCHAR", "whose")}, {})
