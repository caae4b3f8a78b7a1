"""DuckDB as anybody would write it first: strings in a Parquet file, one `UNNEST … GROUP BY` a facet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from benchmarks.answers import Answer
from benchmarks.peers.base import Peer, Selection, counts_in, passes, scope_of
from facets_svc.catalogue import FACETS, Facet
from facets_svc.facets.query import FacetQuery


def conditions(query: FacetQuery, selected: Selection) -> tuple[str, dict[str, Any]]:
    """Return the condition of a pass in DuckDB's SQL, and its parameters."""
    tests = ["(org = $org OR is_public)" if query.include_public else "org = $org"]
    parameters: dict[str, Any] = {"org": query.org}
    for number, term in enumerate(query.terms):
        tests.append(f"contains(search_text, $term{number})")
        parameters[f"term{number}"] = term
    for facet in FACETS:
        if values := selected[facet.index]:
            parameters[facet.column] = list(values)
            tests.append(_holds(facet))
    return " AND ".join(tests), parameters


def _holds(facet: Facet) -> str:
    if not facet.is_list:
        return f"list_contains(${facet.column}, {facet.column})"
    return f"list_has_{facet.match}({facet.column}, ${facet.column})"


def _value(facet: Facet) -> str:
    return f"unnest({facet.column})" if facet.is_list else facet.column


class Naive(Peer):
    """A connection to the records' Parquet file."""

    def __init__(self, records: Path, threads: int) -> None:
        self._connection = duckdb.connect(config={"threads": threads})
        self._connection.execute("SET enable_progress_bar = false")
        self._connection.execute(f"CREATE VIEW records AS SELECT * FROM read_parquet('{records}')")

    def ask(self, query: FacetQuery) -> dict[str, pa.Table]:
        """Run one statement a facet, and one for the totals."""
        results = {
            name: self._rows("SELECT '' AS value, count(*) AS models FROM records WHERE {}", asked, asked.selected)
            for name, asked in (("total", scope_of(query)), ("filtered_total", query))
        }
        for one in passes(query):
            for facet in one.counted:
                results[facet.column] = self._rows(
                    f"SELECT value, count(*) AS models FROM (SELECT {_value(facet)} AS value FROM records WHERE {{}}) "
                    "WHERE value IS NOT NULL GROUP BY value ORDER BY models DESC, value",
                    query,
                    one.selected,
                )
        return results

    def answer(self, result: dict[str, pa.Table]) -> Answer:
        """Return the tables' counts."""
        total, filtered_total = (result[name].column(1)[0].as_py() for name in ("total", "filtered_total"))
        return Answer(total, filtered_total, {facet.column: counts_in(result[facet.column]) for facet in FACETS})

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _rows(self, statement: str, query: FacetQuery, selected: Selection) -> pa.Table:
        condition, parameters = conditions(query, selected)
        return self._connection.sql(statement.format(condition), params=parameters).to_arrow_table()


def build(records: Path, folder: Path) -> None:
    """Nothing: the records are read as they are."""


def open_peer(records: Path, folder: Path, threads: int) -> Naive:  # noqa: ARG001 - as every peer
    """Open the records."""
    return Naive(records, threads)
