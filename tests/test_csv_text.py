"""The one dialect of CSV, read as spreadsheets of any country read it."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs.clients.facets_client import unguarded
from facets_svc.csv_text import guarded, line

FORMULAS = "=+-@＝＋－＠"


def cells_of(text: str, separator: str) -> list[str]:
    """What a spreadsheet shows that splits at `separator`, and sees quotes at the beginning of a cell only."""
    return [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in row]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@given(text=st.text(st.sampled_from("=+-@＝ab1 ;,|\t\r\n\"'()")))
def test_no_cell_begins_a_formula_whatever_separates_cells(separator: str, text: str) -> None:
    written = line(["licenses", guarded(text), "12"]).decode()
    for cell in cells_of(written, separator):
        assert not cell.lstrip().startswith(tuple(FORMULAS)), (written, cell)


def test_a_formula_behind_the_first_character_is_guarded_too() -> None:
    assert line([guarded("x;=1+1;y")]) == b'"x;\'=1+1;y"\r\n'


@given(st.text() | st.text(st.sampled_from("=+-@' ;,\t\r\n\"a")))
def test_the_guard_can_be_taken_away_again(text: str) -> None:
    assert unguarded(guarded(text)) == text


@given(st.lists(st.none() | st.text(st.characters(codec="utf-8")), min_size=1))
def test_a_line_is_read_back_by_rfc_4180_and_null_is_no_empty_text(cells: list[str | None]) -> None:
    written = line(cells).decode()
    assert next(csv.reader(io.StringIO(written, newline="")), []) == [cell or "" for cell in cells] or cells == [None]
    assert [part == '""' for part in re.split(",", written[:-2])].count(True) >= cells.count("")
    assert written.endswith("\r\n")
