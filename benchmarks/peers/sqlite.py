"""SQLite as Datasette asks it: lists as JSON, `json_each` a facet, an index on every column that is a facet."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from benchmarks import records as the_records
from benchmarks.answers import Answer
from benchmarks.peers.base import Peer, Selection, passes, scope_of
from facets_svc.catalogue import FACETS, Facet
from facets_svc.facets.query import FacetQuery

_FILE: Final = "records.db"
_LISTS: Final = tuple(facet.column for facet in FACETS if facet.is_list)


class Sqlite(Peer):
    """A connection to the database."""

    note = "One thread; SQLite has no more."

    def __init__(self, folder: Path) -> None:
        self._connection = sqlite3.connect(folder / _FILE)
        self._connection.execute("PRAGMA mmap_size = 17179869184")
        self._connection.execute("PRAGMA cache_size = -1000000")
        self._connection.execute("PRAGMA temp_store = MEMORY")

    def ask(self, query: FacetQuery) -> dict[str, list[tuple[Any, ...]]]:
        """Run the statement that Datasette makes for each facet, and one for each total."""
        results = {
            name: self._rows("SELECT count(*) FROM ({})", asked, asked.selected)
            for name, asked in (("total", scope_of(query)), ("filtered_total", query))
        }
        for one in passes(query):
            for facet in one.counted:
                results[facet.column] = self._rows(_statement(facet), query, one.selected)
        return results

    def answer(self, result: dict[str, list[tuple[Any, ...]]]) -> Answer:
        """Return the rows' counts."""
        total, filtered_total = (result[name][0][0] for name in ("total", "filtered_total"))
        return Answer(total, filtered_total, {facet.column: dict(result[facet.column]) for facet in FACETS})

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _rows(self, statement: str, query: FacetQuery, selected: Selection) -> list[tuple[Any, ...]]:
        inner, parameters = _records(query, selected)
        return self._connection.execute(statement.format(inner), parameters).fetchall()


def _statement(facet: Facet) -> str:
    """Return the statement of `datasette.facets` for a column, or for an array."""
    if not facet.is_list:
        return (
            f"SELECT {facet.column} AS value, count(*) AS count FROM ({{}}) WHERE {facet.column} IS NOT NULL "
            f"GROUP BY {facet.column} ORDER BY count DESC, value"
        )
    return (
        "WITH inner AS ({}), "
        f"deduped_array_items AS (SELECT DISTINCT j.value, inner.* FROM json_each(inner.{facet.column}) j JOIN inner) "
        "SELECT value, count(*) AS count FROM deduped_array_items GROUP BY value ORDER BY count(*) DESC, value"
    )


def _records(query: FacetQuery, selected: Selection) -> tuple[str, list[Any]]:
    """Return the statement for the records of a pass, by Datasette's filters, and its parameters."""
    tests, parameters = ["(org = ? OR is_public = 1)" if query.include_public else "org = ?"], [query.org]
    for term in query.terms:
        tests.append("search_text LIKE ?")
        parameters.append(f"%{term}%")
    for facet in FACETS:
        values = selected[facet.index]
        if not values:
            continue
        if not facet.is_list:
            tests.append(f"{facet.column} IN ({', '.join('?' * len(values))})")
        else:
            holds = f"? IN (SELECT value FROM json_each(records.{facet.column}))"
            tests.append(f"({(' AND ' if facet.match == 'all' else ' OR ').join([holds] * len(values))})")
        parameters += values
    return f"SELECT * FROM records WHERE {' AND '.join(tests)}", parameters


def build(records: Path, folder: Path) -> None:
    """Write the database."""
    columns = the_records.SCHEMA.names
    connection = sqlite3.connect(folder / _FILE)
    connection.execute(f"CREATE TABLE records (id INTEGER PRIMARY KEY, {', '.join(columns)})")
    places = ", ".join("?" * len(columns))
    for batch in pq.ParquetFile(records).iter_batches():
        lists = [
            [json.dumps(value) for value in column.to_pylist()] if name in _LISTS else column.to_pylist()
            for name, column in zip(columns, batch.columns, strict=True)
        ]
        connection.executemany(
            f"INSERT INTO records ({', '.join(columns)}) VALUES ({places})",
            zip(*lists, strict=True),
        )
    for column in ("org", "is_public", *(facet.column for facet in FACETS if not facet.is_list)):
        connection.execute(f"CREATE INDEX idx_records_{column} ON records ({column})")
    connection.commit()
    connection.execute("ANALYZE")
    connection.commit()
    connection.close()


def open_peer(records: Path, folder: Path, threads: int) -> Sqlite:  # noqa: ARG001 - as every peer
    """Open the database."""
    return Sqlite(folder)
