from __future__ import annotations

import threading
from collections.abc import Iterator

import duckdb
import pytest

from facets_svc.analyst import database
from facets_svc.analyst.rows import History
from facets_svc.analyst.running import Answer, Column, parameters_of, run
from facets_svc.analyst.statements import Piece, split
from facets_svc.errors import QueryError, QueryInterrupted
from tests.analyst.conftest import ask


@pytest.fixture
def fresh(history: History) -> Iterator[duckdb.DuckDBPyConnection]:
    with database.session(history, threads=1) as opened:
        yield opened


def drain(answer: Answer | None) -> None:
    assert answer is not None
    for _ in answer.batches:
        pass


def failing(connection: duckdb.DuckDBPyConnection, text: str, whole: str | None = None) -> QueryError:
    piece = split(whole)[-1] if whole else Piece(text, 0)
    with pytest.raises(QueryError) as caught:
        drain(run(connection, piece, whole=whole))
    return caught.value


def test_an_answer_has_columns_with_the_types_of_duckdb_and_one_name_each(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    answer = run(connection, Piece("SELECT 1 AS a, 'x' AS a, [1.5] AS b, NULL::JSON AS a_1", 0))

    assert isinstance(answer, Answer)
    assert answer.columns == (
        Column("a", "INTEGER"),
        Column("a_1", "VARCHAR"),
        Column("b", "DECIMAL(2,1)[]"),
        Column("a_1_1", "JSON"),
    )
    assert answer.schema.names == ["a", "a_1", "b", "a_1_1"]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("SELEC 1", 1, 1, 'Parser error in line 1, column 1: syntax error at or near "SELEC".'),
        ("SELECT 'é',\n  nope\nFROM models", 2, 3, 'Referenced column "nope" not found in FROM clause; candidate'),
        ("SELECT id FROM modells", 1, 16, 'Table with name modells does not exist; did you mean "models".'),
        ("SELECT nosuch(1) AS x", 1, 8, "Scalar Function with name nosuch does not exist"),
        ("SELECT CAST(name AS INTEGER) AS x FROM models", 1, 8, "Could not convert string"),
        ("SELECT id FROM models_at('1999-01-01')", 1, 16, "There is no snapshot as of 1999-01-01; a date"),
    ],
)
def test_an_error_is_a_sentence_with_its_place(
    connection: duckdb.DuckDBPyConnection, text: str, line: int, column: int, message: str
) -> None:
    error = failing(connection, text)

    assert (error.line, error.column) == (line, column)
    assert f"error in line {line}, column {column}: " in str(error)
    assert message in str(error)
    assert "\n" not in str(error)


def test_the_place_is_that_in_the_whole_text(connection: duckdb.DuckDBPyConnection) -> None:
    error = failing(connection, "", whole="SELECT 'ü' AS one; -- a comment;\n  SELECT nope FROM models")

    assert (error.line, error.column) == (2, 10)


def test_a_variable_of_the_program_is_no_table(connection: duckdb.DuckDBPyConnection) -> None:
    secret = ["x"]

    assert "Table with name secret does not exist" in str(failing(connection, "SELECT * FROM secret"))
    assert secret


def test_a_command_has_no_answer(fresh: duckdb.DuckDBPyConnection) -> None:
    commands = ["CREATE TABLE mine AS SELECT 1 AS a", "INSERT INTO mine VALUES (2)", "SET threads = 1"]

    assert [run(fresh, Piece(text, 0)) for text in commands] == [None, None, None]
    assert ask(fresh, "SELECT a FROM mine ORDER BY a") == [(1,), (2,)]
    assert ask(fresh, 'SELECT count(*) AS "Count" FROM mine') == [(2,)]
    assert ask(fresh, "PIVOT mine ON a USING count(*)") == [(1, 1)]


def test_parameters_are_bound_and_never_read_as_sql(connection: duckdb.DuckDBPyConnection) -> None:
    text = "SELECT $a AS a, $b AS b, count(*) AS models FROM models WHERE org = $a"

    assert parameters_of(connection, Piece(text, 0)) == {"a", "b"}
    assert ask(connection, text, a="' OR 1=1 --", b=None) == [("' OR 1=1 --", None, 0)]


def test_an_interrupted_query_says_so_and_the_next_one_runs(fresh: duckdb.DuckDBPyConnection) -> None:
    timer = threading.Timer(0.3, fresh.interrupt)
    timer.start()
    try:
        with pytest.raises(QueryInterrupted):
            ask(fresh, "SELECT count(*) FROM range(100000000000) AS t(i) WHERE hash(i) % 7 = 1")
    finally:
        timer.cancel()
        timer.join()

    assert ask(fresh, "SELECT 1 AS one") == [(1,)]


def test_files_that_are_missing_are_fetched_and_the_query_is_tried_again(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    told = []

    def fetch(said: str) -> bool:
        told.append(said)
        return len(told) == 1

    with pytest.raises(QueryError, match=r"nowhere\.parquet"):
        run(connection, Piece("FROM 'nowhere.parquet'", 0), fetch=fetch)

    assert len(told) == 2
    assert "nowhere.parquet" in told[0]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        (" ; -- only this\n /* and ; this */ ", []),
        ("SELECT 1", [("SELECT 1", 0)]),
        ("SELECT 1 ;\n SELECT 2;", [("SELECT 1", 0), ("SELECT 2", 12)]),
        ("SELECT ';', \";\", $$;$$, $a$;$$;$a$, e'\\';'", None),
        ("SELECT 1 -- ;\n + 1", None),
        ("SELECT 'it''s; open", None),
        ("SELECT $x AS a, $y AS b", None),
        ("-- first\nSELECT 1", [("SELECT 1", 9)]),
    ],
)
def test_semicolons_split_statements_unless_they_are_quoted(text: str, pieces: list[tuple[str, int]] | None) -> None:
    expected = [(text, 0)] if pieces is None else pieces

    assert [(piece.text, piece.first) for piece in split(text)] == expected
