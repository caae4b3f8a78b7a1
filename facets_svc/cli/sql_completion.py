"""Completes what is typed at the SQL prompt: tables, columns, keywords, functions, and the prompt's own commands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import duckdb
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from facets_svc.analyst.cookbook import cookbook, named
from facets_svc.analyst.tables import Table, tables
from facets_svc.errors import QueryError

_WORD: Final = re.compile(r"[A-Za-z0-9_]*\Z")
_QUALIFIED: Final = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)\.[A-Za-z0-9_]*\Z")
_WANTS_TABLE: Final = re.compile(r"\b(?:FROM|JOIN|DESCRIBE|SUMMARIZE|TABLE)\s+[A-Za-z0-9_]*\Z", re.IGNORECASE)
_ALIASED: Final = re.compile(
    r"\b(?P<table>[a-z_]+)(?:\s*\([^()]*\))?\s+(?:AS\s+)?(?P<alias>[A-Za-z_][A-Za-z0-9_]*)", re.IGNORECASE
)

_KEYWORDS: Final = (
    "ALL", "AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "CAST", "COUNT", "CREATE TEMP TABLE", "CROSS JOIN", "DESC",
    "DESCRIBE", "DISTINCT", "ELSE", "END", "EXCEPT", "EXCLUDE", "EXISTS", "EXPLAIN", "FALSE", "FILTER", "FROM",
    "FULL JOIN", "GROUP BY", "HAVING", "ILIKE", "IN", "INNER JOIN", "INTERSECT", "IS NOT NULL", "IS NULL", "LEFT JOIN",
    "LIKE", "LIMIT", "NOT", "NULL", "NULLS LAST", "OFFSET", "ON", "OR", "ORDER BY", "OVER", "PARTITION BY", "PIVOT",
    "QUALIFY", "SELECT", "SUMMARIZE", "THEN", "TRUE", "UNION ALL", "UNNEST", "USING", "VALUES", "WHEN", "WHERE", "WITH",
)  # fmt: skip


class SqlCompleter(Completer):
    """Knows the tables by their definitions, and the functions by asking DuckDB once."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, commands: Iterable[str]) -> None:
        self._commands = sorted(commands)
        self._tables = {table.name: table for table in tables()}
        macros = {table.as_of: table for table in tables() if table.as_of is not None}
        self._relations: dict[str, Table] = {**self._tables, **macros}
        found = connection.execute(
            "SELECT DISTINCT listed.function_name FROM duckdb_functions() AS listed "
            "WHERE listed.function_type IN ('scalar', 'aggregate') "
            "AND regexp_full_match(listed.function_name, '[a-z][a-z0-9_]+')"
        ).fetchall()
        self._functions = sorted({name for (name,) in found} - macros.keys())

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:  # noqa: ARG002
        """Yield what may stand where the cursor is, the likeliest first."""
        text = document.text_before_cursor
        if text.startswith("."):
            yield from self._of_command(text)
            return
        if qualified := _QUALIFIED.search(text):
            table = self._named(document.text, qualified["name"])
            yield from self._columns(text, self._tables.values() if table is None else [table])
            return
        if _WANTS_TABLE.search(text):
            yield from self._relations_like(text)
            return
        word = _word(text)
        if not word:
            yield from self._relations_like(text)
            return
        mentioned = [table for name, table in self._relations.items() if re.search(rf"\b{name}\b", document.text)]
        yield from self._columns(text, mentioned or self._tables.values())
        yield from self._relations_like(text)
        keywords = [keyword if word[0].isupper() else keyword.lower() for keyword in _KEYWORDS]
        yield from _like(word, ((keyword, "") for keyword in keywords))
        yield from _like(word, ((f"{name}(", "function") for name in self._functions))

    def _of_command(self, text: str) -> Iterator[Completion]:
        command, space, rest = text.partition(" ")
        if not space:
            yield from _like(command, ((one, "") for one in self._commands))
        elif command == ".schema":
            yield from _like(rest, ((name, table.meaning) for name, table in self._tables.items()))
        elif command == ".query" and " " not in rest:
            yield from _like(rest, ((query.name, query.question) for query in cookbook()))
        elif command == ".query":
            try:
                query = named(rest.split()[0])
            except QueryError:
                return
            last = rest.rpartition(" ")[2]
            yield from _like(last, ((f"{name}=", one.meaning) for name, one in query.parameters.items()))

    def _columns(self, text: str, of: Iterable[Table]) -> Iterator[Completion]:
        columns = {column.name: column.type for table in of for column in table.columns}
        yield from _like(_word(text), columns.items())

    def _relations_like(self, text: str) -> Iterator[Completion]:
        shown = (
            (f"{name}('" if name.endswith("_at") else name, table.meaning) for name, table in self._relations.items()
        )
        yield from _like(_word(text), shown)

    def _named(self, text: str, name: str) -> Table | None:
        """Return the table that `name` stands for in the statement: its own name, or an alias."""
        if name in self._relations:
            return self._relations[name]
        for aliased in _ALIASED.finditer(text):
            if aliased["alias"] == name and aliased["table"] in self._relations:
                return self._relations[aliased["table"]]
        return None


def _word(text: str) -> str:
    found = _WORD.search(text)
    return found[0] if found else ""


def _like(word: str, candidates: Iterable[tuple[str, str]]) -> Iterator[Completion]:
    for candidate, meaning in candidates:
        if candidate.lower().startswith(word.lower()):
            yield Completion(candidate, start_position=-len(word), display_meta=meaning)
