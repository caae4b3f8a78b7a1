"""Statements that create the tables in DuckDB over given files: views, and macros for other points in time.

A definition of `sql/views/` is used as it is: the tables that it reads come before it as common table expressions. So
a view depends on no other view, and works in a database that is attached under any name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from facets_svc.analyst.rows import History, SnapshotRows
from facets_svc.analyst.tables import NAMES, ROWS, SNAPSHOT_ROWS, Table, tables
from facets_svc.lake.snapshot import pattern

RELATIONS: Final = NAMES
"""The names of the views."""

MACROS: Final = tuple(f"{name}_at" for name in NAMES if name != "snapshots")
"""The names of the table macros: `models_at('2026-11-01')`."""

_SNAPSHOT_AT: Final = r"""
coalesce(
    CASE
        WHEN CAST(moment AS VARCHAR) = 'first' THEN {ids}[1]
        WHEN CAST(moment AS VARCHAR) = 'previous' THEN {previous}
        WHEN regexp_full_match(CAST(moment AS VARCHAR), '\d{{8}}T\d{{6}}Z-[0-9a-f]{{4}}')
            THEN list_filter({ids}, lambda one: one = CAST(moment AS VARCHAR))[1]
        WHEN length(CAST(moment AS VARCHAR)) = 10
            THEN list_max(list_filter(
                {ids}, lambda one: one <= strftime(TRY_CAST(CAST(moment AS VARCHAR) AS DATE), '%Y%m%dT~')
            ))
        ELSE list_max(list_filter(
            {ids}, lambda one: one <= strftime(
                CASE WHEN regexp_matches(CAST(moment AS VARCHAR), '([+-]\d{{2}}(:?\d{{2}})?|Z)$')
                    THEN TRY_CAST(CAST(moment AS VARCHAR) AS TIMESTAMPTZ) AT TIME ZONE 'UTC'
                    ELSE TRY_CAST(CAST(moment AS VARCHAR) AS TIMESTAMP)
                END,
                '%Y%m%dT%H%M%SZ~'
            )
        ))
    END,
    error(
        'There is no snapshot as of ' || coalesce(CAST(moment AS VARCHAR), 'NULL')
        || '; a date, a time, the id of a snapshot, first or previous is understood, and the oldest is ' || {ids}[1]
    )
)"""
# Ids begin with their time, so that they sort by time; ~ sorts after every character of an id. A time without an
# offset is in UTC, in any time zone of the client. There is no subquery and no column here: DuckDB must know the
# argument of a table function when it plans the query.


def definitions(history: History) -> Iterator[str]:
    """Yield the statements that create all tables over `history`, with comments, in the current database."""
    yield from bare_definitions(history, RELATIONS + MACROS)
    for table in tables():
        yield f"COMMENT ON VIEW {table.name} IS {_text(table.meaning)}"
        for column in table.columns:
            yield f"COMMENT ON COLUMN {table.name}.{column.name} IS {_text(column.meaning)}"


def bare_definitions(history: History, names: Collection[str]) -> Iterator[str]:
    """Yield the statements that create the views and macros in `names`, without comments."""
    present = _model_rows(_list(_text(pattern(file)) for file in history.present.files))
    files = _map({rows.snapshot_id: _list(_text(pattern(file)) for file in rows.files) for rows in history.snapshots})
    then = _model_rows(f"{files}[{snapshot_at(history)}]")
    for table in tables():
        if table.name in names:
            over = [_snapshot_rows(history)] if table.as_of is None else present
            yield f"CREATE OR REPLACE VIEW {table.name} AS\n{_over(over, table)}"
        if table.as_of in names:
            yield f"CREATE OR REPLACE MACRO {table.as_of}(moment) AS TABLE\n{_over(then, table)}"


def snapshot_at(history: History) -> str:
    """Return an SQL expression for the id of the snapshot that was current at `moment`, a column or parameter.

    `moment` is a date (its end counts), a time, an id, `first` for the oldest snapshot, or `previous` for the one
    before `history.shown`.
    """
    previous = "NULL" if history.previous is None else _text(history.previous.snapshot_id)
    return _SNAPSHOT_AT.format(ids=_list(_text(rows.snapshot_id) for rows in history.snapshots), previous=previous)


def _model_rows(files: str) -> list[str]:
    """Return the common table expressions over the files of one snapshot: `model_rows`, and `models` over it."""
    reads = f"SELECT * FROM read_parquet({files}, hive_partitioning = false)"  # noqa: S608 - literals
    (models,) = (table for table in tables() if table.name == "models")
    return [f"{ROWS} AS NOT MATERIALIZED (\n{reads}\n)", f"models AS NOT MATERIALIZED (\n{models.select})"]


def _snapshot_rows(history: History) -> str:
    rows = ",\n".join(_snapshot_row(rows, is_current=rows.snapshot_id == history.current) for rows in history.snapshots)
    columns = "snapshot_id, created_at, is_current, models, public_models, orgs"
    return f"{SNAPSHOT_ROWS} AS (\nSELECT * FROM (VALUES\n{rows}\n) AS listed({columns})\n)"


def _snapshot_row(rows: SnapshotRows, *, is_current: bool) -> str:
    time = f"CAST({_text(rows.created_at.isoformat())} AS TIMESTAMPTZ)"
    counts = ", ".join(f"CAST({count} AS BIGINT)" for count in (rows.models, rows.public_models, rows.orgs))
    return f"({_text(rows.snapshot_id)}, {time}, {str(is_current).upper()}, {counts})"


def _over(expressions: list[str], table: Table) -> str:
    """Return the table's SELECT after the common table `expressions`, of which it reads the last."""
    if table.name == "models":
        expressions = expressions[:1]
    columns = ", ".join(f"{table.name}.{column.name}" for column in table.columns)
    return f"WITH {', '.join(expressions)}\nSELECT {columns} FROM (\n{table.select}) AS {table.name}"


def _list(items: Iterable[str]) -> str:
    return f"[{', '.join(items)}]"


def _map(entries: dict[str, str]) -> str:
    return f"MAP {{{', '.join(f'{_text(key)}: {value}' for key, value in entries.items())}}}"


def _text(text: str) -> str:
    """Return `text` as an SQL literal."""
    quoted = text.replace("'", "''")
    return f"'{quoted}'"
