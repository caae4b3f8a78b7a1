"""DESCRIBE and SHOW TABLES: answered from the data dictionary."""

from __future__ import annotations

import json

import pytest

from facets_svc.analyst.tables import tables
from facets_svc.errors import QueryError
from tests.sandbox.conftest import Ask

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("query", ["DESCRIBE models", "describe MODELS ;", "SHOW models", "DESC TABLE models"])
async def test_a_table_is_described_with_what_its_columns_mean(ask: Ask, query: str) -> None:
    answer = json.loads((await ask(query)).content)

    assert [column["name"] for column in answer["columns"]] == ["column_name", "column_type", "meaning"]
    [models] = [table for table in tables() if table.name == "models"]
    assert answer["rows"] == [[column.name, column.type, column.meaning] for column in models.columns]


async def test_the_tables_are_listed(ask: Ask) -> None:
    answer = json.loads((await ask("SHOW TABLES")).content)

    assert answer["rows"] == [[table.name, table.meaning] for table in tables()]


@pytest.mark.parametrize(
    "query", ["DESCRIBE duckdb_settings", "SHOW ALL TABLES", "DESCRIBE SELECT 1", "SUMMARIZE models"]
)
async def test_nothing_else_is_described(ask: Ask, query: str) -> None:
    with pytest.raises(QueryError, match=r"Only DESCRIBE of one table and SHOW TABLES are allowed|Only SELECT"):
        await ask(query)
