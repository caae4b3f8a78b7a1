"""The judge by itself, without a process and rows: whether it lets a statement pass."""

from __future__ import annotations

import duckdb

from facets_svc.errors import QueryError
from facets_svc.sandbox.judge import judge


def passes(connection: duckdb.DuckDBPyConnection, statement: str) -> bool:
    try:
        judge(connection, statement)
    except QueryError:
        return False
    return True
