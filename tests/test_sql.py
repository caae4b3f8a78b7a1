from __future__ import annotations

import subprocess
import sys

import pytest

from facets_svc.sql import Parameter, SqlFileError, load, load_folder, parse

HEADER = "-- What there is.\n-- $wanted VARCHAR[]: what is wanted\n"
OPTIONAL = (
    HEADER + "SELECT 1 AS one\nWHERE TRUE\n    -- only with $wanted\n    AND $wanted[1] = 'x' -- $y\n    -- end\n;\n"
)


def test_a_file_says_what_it_answers_and_what_it_takes() -> None:
    statement = parse("a/b", HEADER + "SELECT len($wanted) AS wanted;\n")
    assert (statement.name, statement.answers) == ("a/b", "What there is.")
    assert statement.parameters == {"wanted": Parameter("VARCHAR[]", "what is wanted")}
    assert statement.notes == ()


def test_a_header_has_more_to_say_after_an_empty_line_and_parameters_may_be_left_out() -> None:
    statement = parse(
        "a/b",
        "-- What there\n-- is.\n--\n-- Read it twice,\n-- slowly.\n--\n-- id VARCHAR: a column,\n--     explained\n--\n"
        "-- $org VARCHAR = NULL: whose\n-- $most BIGINT = 20: how many,\n--     at most\n"
        "-- $word VARCHAR = 'it''s: a': a word\n"
        "SELECT $org AS org, $most AS most, $word AS word;\n",
    )
    assert statement.answers == "What there is."
    assert statement.notes == ("Read it twice,", "slowly.", "", "id VARCHAR: a column, explained")
    assert statement.parameters == {
        "org": Parameter("VARCHAR", "whose", "NULL"),
        "most": Parameter("BIGINT", "how many, at most", "20"),
        "word": Parameter("VARCHAR", "a word", "'it''s: a'"),
    }


def test_lines_of_a_parameter_that_is_empty_can_be_left_out() -> None:
    statement = parse("a/b", OPTIONAL)
    assert statement.without({"wanted"}) == "SELECT 1 AS one\nWHERE TRUE\n"
    assert statement.without(()) == "SELECT 1 AS one\nWHERE TRUE\n    AND $wanted[1] = 'x' -- $y\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("SELECT 1 AS one;", r"sql/a/b\.sql:1: the first line says in a comment"),
        ("-- One.\n-- $wanted\nSELECT $wanted;", r"sql/a/b\.sql:2: a parameter reads"),
        ("-- One.\n-- $wanted BIGINT = 1 + 1: x\nSELECT $wanted;", r"sql/a/b\.sql:2: a parameter reads"),
        ("--\n-- One.\nSELECT 1 AS one;", r"sql/a/b\.sql:1: the first line says in a comment"),
        ("-- One.\nSELECT\n    $wanted AS it;", r"sql/a/b\.sql:3: \$wanted is not declared"),
        (HEADER + "SELECT '$wanted' AS it;", r"sql/a/b\.sql:1: \$wanted is declared but not used"),
        ("-- One.\nSELECT 1 AS one; SELECT 2 AS two;", r"sql/a/b\.sql:1: holds 2 statements instead of one"),
        ("-- One.\nSELEC 1;", r"sql/a/b\.sql: Parser Error: .* in line 2\.$"),
    ],
)
def test_a_malformed_file_is_named_with_its_line(source: str, message: str) -> None:
    with pytest.raises(SqlFileError, match=message):
        parse("a/b", source)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(SqlFileError, match=r"There is no sql/no/such\.sql"):
        load("no/such")


def test_a_folder_is_loaded_by_name() -> None:
    names = [statement.name for statement in load_folder("checks")]
    assert "checks/ids_are_unique" in names
    assert names == sorted(names)


def test_a_command_that_begins_has_asked_duckdb_nothing_yet() -> None:
    """DuckDB starts threads when it parses: a process that forks must have none, and `--help` need not wait for it."""
    code = "import facets_svc.cli; from facets_svc import sql; print(sql.load.cache_info().currsize)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert ran.stdout == "0\n"
