from __future__ import annotations

import html
import io
import json
import re
import sys
import zipfile
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facets_svc.analyst.formats import FORMATS, Written, write
from facets_svc.analyst.running import run
from facets_svc.analyst.statements import Piece
from facets_svc.analyst.texts import on_one_line
from facets_svc.errors import QueryError, SettingsError

AWKWARD = """
SELECT * FROM (VALUES
    (1, 'a "b", c', ['x', NULL], TIMESTAMPTZ '2026-11-24 02:00:00+00', 1.50, true),
    (NULL, '', NULL, NULL, NULL, NULL),
    (3, 'two' || chr(10) || 'lines|', [], TIMESTAMPTZ '2026-11-24 02:00:00.25+00', 0.25, false)
) AS rows(number, words, list, moment, amount, flag)
"""


def written(connection: duckdb.DuckDBPyConnection, text: str, name: str, **options: Any) -> tuple[bytes, Written]:
    answer = run(connection, Piece(text, 0))
    assert answer is not None
    stream = io.BytesIO()
    told = write(answer, FORMATS[name], stream, **options)
    return stream.getvalue(), told


def test_csv_tells_null_from_an_empty_text_and_has_lists_as_json(connection: duckdb.DuckDBPyConnection) -> None:
    content, told = written(connection, AWKWARD, "csv")

    assert told == Written(rows=3, truncated=False)
    assert content.decode() == (
        "number,words,list,moment,amount,flag\n"
        '1,"a ""b"", c","[""x"",null]",2026-11-24T02:00:00Z,1.50,true\n'
        ',"",,,,\n'
        '3,"two\nlines|",[],2026-11-24T02:00:00.250000Z,0.25,false\n'
    )


def test_json_is_an_array_of_objects_and_json_lines_one_a_line(connection: duckdb.DuckDBPyConnection) -> None:
    rows = [
        {"number": 1, "words": 'a "b", c', "list": ["x", None], "moment": "2026-11-24T02:00:00Z", "amount": 1.5,
         "flag": True},
        dict.fromkeys(["number", "list", "moment", "amount", "flag"]) | {"words": ""},
        {"number": 3, "words": "two\nlines|", "list": [], "moment": "2026-11-24T02:00:00.250000Z", "amount": 0.25,
         "flag": False},
    ]  # fmt: skip

    assert json.loads(written(connection, AWKWARD, "json")[0]) == rows
    assert [json.loads(line) for line in written(connection, AWKWARD, "jsonl")[0].splitlines()] == rows


def test_markdown_is_a_table_whose_cells_keep_their_place(connection: duckdb.DuckDBPyConnection) -> None:
    assert written(connection, AWKWARD, "markdown")[0].decode() == (
        "| number | words | list | moment | amount | flag |\n"
        "|---:|---|---|---|---:|---|\n"
        '| 1 | a "b", c | ["x",null] | 2026-11-24T02:00:00Z | 1.50 | true |\n'
        "|  |  |  |  |  |  |\n"
        "| 3 | two⏎lines\\| | [] | 2026-11-24T02:00:00.250000Z | 0.25 | false |\n"
    )


def test_arrow_and_parquet_keep_the_types(connection: duckdb.DuckDBPyConnection) -> None:
    stream = pa.ipc.open_stream(written(connection, AWKWARD, "arrow")[0]).read_all()
    parquet = pq.read_table(pa.BufferReader(written(connection, AWKWARD, "parquet")[0]))

    assert stream.to_pylist() == parquet.to_pylist()
    assert stream["amount"].to_pylist() == [Decimal("1.50"), None, Decimal("0.25")]
    assert stream.schema.field("moment").type == pa.timestamp("us", tz="UTC")


def test_large_numbers_are_whole_in_json(connection: duckdb.DuckDBPyConnection) -> None:
    text = "SELECT 170141183460469231731687303715884105727::HUGEINT AS h, 'nan'::DOUBLE AS n, '\\x00'::BLOB AS b"

    assert (
        written(connection, text, "jsonl")[0] == b'{"h":170141183460469231731687303715884105727,"n":null,"b":"AA=="}\n'
    )


@pytest.mark.parametrize("name", FORMATS)
def test_an_answer_without_rows_still_has_its_columns(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    content, told = written(connection, "SELECT 1 AS a WHERE false", name)

    assert told == Written()
    assert content if name != "jsonl" else not content
    if name == "json":
        assert json.loads(content) == []


@pytest.mark.parametrize(("most", "rows", "truncated"), [(0, 0, True), (2, 2, True), (3, 3, False), (4, 3, False)])
def test_an_answer_is_cut_where_it_is_asked_to_be_and_says_so(
    connection: duckdb.DuckDBPyConnection, most: int, rows: int, truncated: bool
) -> None:
    content, told = written(connection, AWKWARD, "jsonl", max_rows=most)

    assert (len(content.splitlines()), told) == (rows, Written(rows=rows, truncated=truncated))


def test_what_a_format_cannot_hold_is_reported(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(QueryError, match=r"The result cannot be written as parquet .*; CAST it to VARCHAR\."):
        written(connection, "SELECT INTERVAL 1 DAY AS a", "parquet")
    assert written(connection, "SELECT INTERVAL '1 month 2 days 3.5 seconds' AS a", "csv")[0] == b"a\nP1M2DT3.5S\n"


def test_a_value_cannot_steer_a_terminal() -> None:
    assert on_one_line("a\x1b[31m\u202eb\tc\r\n\u2028é👩‍💻") == "a�[31m�b c ⏎�é👩‍💻"


def test_excel_keeps_numbers_and_times_and_writes_texts_as_texts(connection: duckdb.DuckDBPyConnection) -> None:
    text = """
        SELECT 1.5 AS n, '=1+1' AS formula, true AS flag, TIMESTAMPTZ '2026-11-24 02:00:00+00' AS moment,
            DATE '2026-11-24' AS day, DATE '1815-12-10' AS early, 9007199254740993 AS long, ['a', NULL] AS list,
            NULL AS nothing, 'nan'::DOUBLE AS nan
    """

    content, told = written(connection, text, "xlsx")

    [header, row] = cells(content)
    assert told == Written(rows=1, truncated=False)
    assert header == ["n", "formula", "flag", "moment", "day", "early", "long", "list", "nothing", "nan"]
    # Excel counts days from 30 December 1899.
    assert row == [
        "1.5",
        "=1+1",
        "1",
        "46350.08333333334",
        "46350",
        "1815-12-10",
        "9007199254740993",
        '["a",null]',
        "nan",
    ]
    assert b"<f>" not in zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT repeat('x', 32768) AS x", "A cell of Excel holds 32,767 characters, and a value has 32,768."),
        ("SELECT i FROM range(3) AS t(i)", "A worksheet holds 2 rows. Add a LIMIT, or write .csv or .parquet."),
    ],
)
def test_what_excel_does_not_hold_is_refused(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.setattr("facets_svc.analyst.excel.MAX_ROWS", 2)

    with pytest.raises(QueryError, match=f"^{re.escape(message)}$"):
        written(connection, text, "xlsx")


def test_excel_without_its_extra_says_what_to_install(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)

    with pytest.raises(SettingsError, match=r"^Excel files need XlsxWriter: pip install 'facets-svc\[excel\]'\.$"):
        written(connection, "SELECT 1 AS a", "xlsx")


def cells(workbook: bytes) -> list[list[str]]:
    """Return what stands in the cells of the first worksheet, row by row."""
    sheet = zipfile.ZipFile(io.BytesIO(workbook)).read("xl/worksheets/sheet1.xml").decode()
    rows = re.findall(r"<row[^>]*>(.*?)</row>", sheet, re.DOTALL)
    return [[html.unescape(text) for text in re.findall(r"<(?:v|t)(?: [^>]*)?>(.*?)</", row)] for row in rows]
