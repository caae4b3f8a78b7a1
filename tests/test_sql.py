from __future__ import annotations

import pytest

from facets_svc.sql import SqlFileError, load, load_folder, parse

HEADER = "-- What there is.\n-- $wanted VARCHAR[]: what is wanted\n"
OPTIONAL = (
    HEADER + "SELECT 1 AS one\nWHERE TRUE\n    -- only with $wanted\n    AND $wanted[1] = 'x' -- $y\n    -- end\n;\n"
)


def test_a_file_says_what_it_answers_and_what_it_takes() -> None:
    statement = parse("a/b", HEADER + "SELECT len($wanted) AS wanted;\n")
    assert (statement.name, statement.answers) == ("a/b", "What there is.")
    assert statement.parameters == {"wanted": "what is wanted"}


def test_lines_of_a_parameter_that_is_empty_can_be_left_out() -> None:
    statement = parse("a/b", OPTIONAL)
    assert statement.without({"wanted"}) == "SELECT 1 AS one\nWHERE TRUE\n"
    assert statement.without(()) == "SELECT 1 AS one\nWHERE TRUE\n    AND $wanted[1] = 'x' -- $y\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("SELECT 1 AS one;", r"sql/a/b\.sql:1: the first line says in a comment"),
        ("-- One.\n-- $wanted\nSELECT $wanted;", r"sql/a/b\.sql:2: a parameter reads"),
        ("-- One.\nSELECT\n    $wanted AS it;", r"sql/a/b\.sql:3: \$wanted is not declared"),
        (HEADER + "SELECT '$wanted' AS it;", r"sql/a/b\.sql:1: \$wanted is declared but not used"),
        ("-- One.\nSELECT 1 AS one; SELECT 2 AS two;", r"sql/a/b\.sql:1: holds 2 statements instead of one"),
        ("-- One.\nSELEC 1;", r"sql/a/b\.sql: Parser Error"),
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
