from __future__ import annotations

from fnmatch import fnmatchcase

import duckdb
import pytest

from facets_svc.sandbox.functions import folded, listed, may_call, may_read


def known(*kinds: str) -> list[str]:
    """The names of DuckDB's functions of these kinds; some comparisons are named with spaces, and are no functions."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = ANY($kinds) ORDER BY ALL",
            {"kinds": list(kinds)},
        ).fetchall()
    return [name for (name,) in rows if " " not in name]


def is_refused(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in listed()["refused"])


def test_every_function_of_duckdb_is_allowed_or_refused_by_somebody_who_has_read_what_it_does() -> None:
    undecided = [
        name for name in known("scalar", "aggregate", "macro", "window") if not may_call(name) and not is_refused(name)
    ]
    assert undecided == []


def test_no_function_is_allowed_and_refused() -> None:
    lists = listed()
    assert set(lists) == {"allowed", "tables", "refused"}
    assert lists["allowed"] & lists["refused"] == frozenset()


def test_of_the_functions_that_stand_for_tables_three_are_allowed() -> None:
    allowed = [name for name in known("table", "table_macro") if may_read(name)]
    assert allowed == ["generate_series", "range", "unnest"]


@pytest.mark.parametrize(
    "name",
    [
        "stats",
        "getvariable",
        "current_setting",
        "read_text",
        "query",
        "json_serialize_sql",
        "sleep_ms",
        "error",
        "nextval",
    ],
)
def test_what_tells_of_the_engine_or_does_more_than_compute_is_not_allowed(name: str) -> None:
    assert not may_call(name)
    assert not may_call(name.upper())


def test_names_are_compared_as_duckdb_compares_them() -> None:
    assert folded("LOWER\u212a\u017f") == "lower\u212a\u017f"
    assert may_call("LOWER")
    assert may_call("formatReadableSize")
    assert may_call("FORMATREADABLESIZE")
    assert not may_call("lo\u017fwer")
