from __future__ import annotations

import duckdb
import pytest

from facets_svc.analyst.definitions import MACROS, RELATIONS
from facets_svc.analyst.tables import NAMES, Column, Table, _table, tables
from facets_svc.analyst.texts import text_of
from facets_svc.sql import SqlFileError, parse
from tests.analyst.conftest import ask

EVERY_TABLE = pytest.mark.parametrize("table", tables(), ids=NAMES)


@EVERY_TABLE
def test_the_columns_are_those_that_the_definition_describes(
    connection: duckdb.DuckDBPyConnection, table: Table
) -> None:
    described = ask(connection, f"SELECT column_name, column_type FROM (DESCRIBE {table.name})")  # noqa: S608

    assert described == [(column.name, column.type) for column in table.columns]


@EVERY_TABLE
def test_every_example_is_in_the_sample_and_a_column_without_one_is_empty_there(
    connection: duckdb.DuckDBPyConnection, table: Table
) -> None:
    rows = ask(connection, f"SELECT * FROM {table.name}")  # noqa: S608

    for place, column in enumerate(table.columns):
        values = {text_of(row[place]) for row in rows if row[place] is not None}
        if column.example is None:
            assert values == set(), column.name
        else:
            assert column.example in values, column.name


@EVERY_TABLE
def test_tables_and_columns_have_comments_for_clients(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    told = ask(connection, "SELECT comment FROM duckdb_views() WHERE view_name = $name", name=table.name)
    columns = ask(
        connection,
        "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = $name ORDER BY column_index",
        name=table.name,
    )

    assert told == [(table.meaning,)]
    assert columns == [(column.name, column.meaning) for column in table.columns]


def test_every_table_but_that_of_the_snapshots_is_there_as_of_another_time() -> None:
    assert RELATIONS == NAMES
    assert tuple(table.as_of for table in tables() if table.as_of is not None) == MACROS


def test_a_definition_describes_its_columns_one_a_line() -> None:
    statement = parse(
        "views/a", '-- Rows.\n--\n-- one VARCHAR[]: The one. Example: ["a: b"]\n-- two BIGINT: The other.\nSELECT 1;'
    )

    assert _table("a", statement).columns == (
        Column("one", "VARCHAR[]", "The one.", '["a: b"]'),
        Column("two", "BIGINT", "The other.", None),
    )


def test_a_malformed_description_is_named() -> None:
    with pytest.raises(SqlFileError, match=r"sql/views/a\.sql: a column reads"):
        _table("a", parse("views/a", "-- Rows.\n--\n-- one: what?\nSELECT 1;"))
