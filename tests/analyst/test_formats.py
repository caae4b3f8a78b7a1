from __future__ import annotations

import io
import json
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
from facets_svc.errors import QueryError

AWKWARD = """
SELECT * FROM (VALUES
    (1, 'a "b", c', ['x', NULL], TIMESTAMPTZ '2026-11-24 02:00:00+00', 1.50, true),
    (NULL, '', NULL, NULL, NULL, NULL),
    (3, 'two' || chr(10) || 'lines|', [], TIMESTAMPTZ '2026-11-24 02:00:00.25+00', 0.25, false)
) AS rows(number, words, list, moment, amount, flag)
"""


def written(connection: duckdb.DuckDBPyConnection, text: str, name: str, **options: Any) -> tuple[bytes, Written]:
    answer = run(connection, Piece(text, 0, ended=True))
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


def test_what_a_format_cannot_hold_is_told(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(QueryError, match=r"The answer cannot be written as parquet .*; CAST it to VARCHAR\."):
        written(connection, "SELECT INTERVAL 1 DAY AS a", "parquet")
    assert written(connection, "SELECT INTERVAL '1 month 2 days 3.5 seconds' AS a", "csv")[0] == b"a\nP1M2DT3.5S\n"


def test_a_value_cannot_steer_a_terminal() -> None:
    assert on_one_line("a\x1b[31m\u202eb\tc\r\n\u2028é👩‍💻") == "a�[31m�b c ⏎�é👩‍💻"
