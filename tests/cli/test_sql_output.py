from __future__ import annotations

import io

import duckdb
import pytest
from rich.cells import cell_len
from rich.console import Console

from facets_svc.analyst.running import run
from facets_svc.analyst.statements import Piece
from facets_svc.cli.sql_output import page_of, show


def shown(text: str, *, width: int, max_rows: int | None = None) -> list[str]:
    """Return the lines of the table at a terminal of `width` columns."""
    with duckdb.connect() as connection:
        answer = run(connection, Piece(text, 0))
        page = page_of(answer, max_rows=max_rows)
        assert page is not None
    file = io.StringIO()
    show(page, Console(file=file, width=width, color_system=None))
    return file.getvalue().splitlines()


def test_texts_are_shortened_and_numbers_and_times_are_not() -> None:
    text = (
        "SELECT repeat('long ', 20) AS words, 12345678901234567 AS number, TIMESTAMP '2026-11-24 02:00:00' AS moment, "
        "'第一第一第一第一第一' AS wide"
    )

    lines = shown(text, width=80)

    assert lines[4] == "│ long long long … │ 12345678901234567 │ 2026-11-24T02:00:00 │ 第一第一第一第… │"
    assert {cell_len(line) for line in lines[:6]} == {80}


def test_columns_are_left_out_from_the_middle_when_they_cannot_all_be_shown() -> None:
    columns = ", ".join(f"{10**17 + number} AS number_{number}" for number in range(9))

    lines = shown(f"SELECT {columns}", width=80)

    assert lines[1] == "│           number_0 │           number_1 │   │           number_8 │"
    assert lines[-1] == "1 row, 3 of 9 columns"


def test_rows_beyond_those_that_are_shown_are_counted() -> None:
    lines = shown("SELECT i FROM range(20000) AS t(i)", width=80, max_rows=2)

    assert lines[4:] == ["│      0 │", "│      1 │", "╰────────╯", "2 of 20,000 rows"]


def test_counting_ends_somewhere() -> None:
    lines = shown("SELECT i FROM range(10000000000) AS t(i)", width=80, max_rows=1)

    assert lines[-1].startswith("1 of more than 1,0")


def test_null_an_empty_text_and_line_breaks_can_be_told_apart() -> None:
    lines = shown("SELECT NULL::VARCHAR AS a, '' AS b, 'x' || chr(10) || 'y' || chr(27) AS c, [1, NULL] AS d", width=80)

    assert lines[4] == "│ NULL    │         │ x⏎y�    │ [1,null]  │"


@pytest.mark.parametrize("width", range(20, 130, 7))
def test_a_table_is_never_wider_than_the_terminal_unless_three_columns_are(width: int) -> None:
    text = (
        "SELECT repeat('a', 40) AS text, 123 AS n, DATE '2026-11-24' AS day, repeat('b', 60) AS other, "
        "repeat('c', 14) AS third, 123456789 AS number"
    )
    lines = shown(text, width=width)
    columns = lines[1].count("│") - 1

    assert {cell_len(line) for line in lines[:6]} == {cell_len(lines[0])}
    assert cell_len(lines[0]) <= width or columns == 4  # the first, the last, one between, and the mark of a gap
    assert "123456789" in lines[4]
