"""The tables for analysts, from `sql/views/`, with the meanings of their columns."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from facets_svc import sql
from facets_svc.sql import SqlFileError, Statement

NAMES: Final = ("models", "model_tags", "model_tasks", "facet_values", "orgs", "snapshots")
"""The names of the tables, in the order of the documentation: each is `sql/views/<name>.sql`."""

ROWS: Final = "model_rows"
"""The relation that `models` reads: the rows of one snapshot's files."""

SNAPSHOT_ROWS: Final = "snapshot_rows"
"""The relation that `snapshots` reads, with a row per snapshot. All other tables read `models`."""

_COLUMN: Final = re.compile(
    r"^(?P<name>[a-z_]+) (?P<type>[A-Z][A-Z ]*[A-Z](?:\[\])?): (?P<meaning>.+?\.)(?: Example: (?P<example>.+))?$"
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its DuckDB type, its meaning, and an example (None: the sample has no value)."""

    name: str
    type: str
    meaning: str
    example: str | None


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the meaning of its rows, its columns in order, and the SELECT that defines it."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    select: str

    @property
    def as_of(self) -> str | None:
        """The name of the macro for this table at another time; None for `snapshots`, which has all of them."""
        return None if self.name == "snapshots" else f"{self.name}_at"


_DESCRIBE: Final = re.compile(
    r"\s*(?:(?:DESCRIBE|DESC|SHOW)\s+(?:TABLE\s+)?(?P<name>[a-z_]+)|(?P<all>SHOW\s+TABLES|DESCRIBE))\s*;?\s*",
    re.IGNORECASE,
)


def described(text: str) -> str | None:
    """Return a SELECT that answers `DESCRIBE models` or `SHOW TABLES`; None for any other statement or table.

    Its columns are DuckDB's (`column_name`, `column_type`; `name`), and `meaning`.
    """
    asked = _DESCRIBE.fullmatch(text)
    if asked is None:
        return None
    if asked["all"] or asked["name"].lower() == "tables":
        return _values(("name", "meaning"), [(table.name, table.meaning) for table in tables()])
    for table in tables():
        if table.name == asked["name"].lower():
            rows = [(column.name, column.type, column.meaning) for column in table.columns]
            return _values(("column_name", "column_type", "meaning"), rows)
    return None


def _values(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    literals = [", ".join("'" + text.replace("'", "''") + "'" for text in row) for row in rows]
    lines = ", ".join(f"({number}, {line})" for number, line in enumerate(literals))
    names = ", ".join(columns)
    return f"SELECT {names} FROM (VALUES {lines}) AS described(number, {names}) ORDER BY number"  # noqa: S608 - literals


@functools.cache
def tables() -> tuple[Table, ...]:
    """Return all tables, in the order of `NAMES`. Raises `SqlFileError` for a malformed definition."""
    return tuple(_table(name, sql.load(f"views/{name}")) for name in NAMES)


def _table(name: str, statement: Statement) -> Table:
    columns = []
    for line in filter(None, statement.notes):
        described = _COLUMN.match(line)
        if described is None:
            raise SqlFileError(
                f"sql/views/{name}.sql: a column reads `-- name TYPE: Meaning. Example: value`: {line!r}."
            )
        columns.append(Column(described["name"], described["type"], described["meaning"], described["example"]))
    return Table(name, statement.answers, tuple(columns), statement.without(()))
