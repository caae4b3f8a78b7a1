"""Runs one SQL statement and streams its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa

from facets_svc.analyst.definitions import snapshot_at
from facets_svc.analyst.rows import History
from facets_svc.analyst.statements import Piece
from facets_svc.duck import query_error, reported_by
from facets_svc.errors import QueryError, QueryInterrupted

BATCH_ROWS: Final = 8_192
"""Rows of a batch, at most: few, so that the first batch comes soon."""

_COMMAND_COLUMNS: Final = {(), ("Count",), ("Success",)}
"""The columns that DuckDB returns for a statement that is not a query."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer: its name, unique in the answer, and its DuckDB type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A streaming answer: its columns, their Arrow schema, and its rows as record batches of at most `BATCH_ROWS`.

    DuckDB computes a batch when the iterator asks for it, which raises `QueryError` or `QueryInterrupted`. Batches have
    the columns and the order of `schema`.
    """

    columns: tuple[Column, ...]
    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


def parameters_of(connection: duckdb.DuckDBPyConnection, piece: Piece, *, whole: str | None = None) -> set[str]:
    """Return the names of the parameters of one statement. Raises `QueryError` if it does not parse."""
    try:
        statements = connection.extract_statements(piece.text)
    except (duckdb.Error, RuntimeError) as error:
        raise _failure(error, piece, whole) from None
    return set().union(*(statement.named_parameters for statement in statements))


def snapshot_as_of(connection: duckdb.DuckDBPyConnection, history: History, moment: str) -> str:
    """Return the id of the snapshot that `models_at(moment)` reads; a query has used `moment` before."""
    text = f"SELECT {snapshot_at(history)} FROM (SELECT ? AS moment)"  # noqa: S608 - no text of the caller
    [(snapshot_id,)] = connection.execute(text, [moment]).fetchall()
    return str(snapshot_id)


def run(
    connection: duckdb.DuckDBPyConnection,
    piece: Piece,
    parameters: Mapping[str, Any] | None = None,
    *,
    whole: str | None = None,
    fetch: Callable[[str], bool] = lambda _: False,
) -> Answer | None:
    """Run one statement and return its answer; None for a statement without rows (`CREATE …`, `SET …`).

    `parameters` has a value for each parameter of the statement. `whole` is the text that the statement is part of, for
    the positions of errors. `fetch` takes the message of an I/O error and returns whether to run the statement again,
    after it has downloaded missing files. Raises `QueryError` or `QueryInterrupted`. The connection is busy until the
    last batch is read.
    """
    try:
        relation = _relation(connection, piece.text, dict(parameters) if parameters else None)
        # DuckDB 1.5 returns None for a statement without rows, against its type hints.
        given: list[str] = getattr(relation, "columns", [])
        if _is_command(connection, piece.text, given):
            return None
        names = _unique(given)
        types = [str(type_) for type_ in relation.types]
        reader = relation.to_arrow_reader(BATCH_ROWS)
    except (duckdb.Error, RuntimeError, OSError, pa.ArrowException) as error:
        failed = _failure(error, piece, whole)
        if isinstance(error, duckdb.IOException) and fetch(str(failed)):
            return run(connection, piece, parameters, whole=whole, fetch=fetch)
        raise failed from None
    schema = pa.schema([field.with_name(name) for field, name in zip(reader.schema, names, strict=True)])
    columns = tuple(
        Column(name, "NULL" if type_ == '"NULL"' else type_) for name, type_ in zip(names, types, strict=True)
    )
    return Answer(columns, schema, _batches(reader, schema, piece, whole))


def _relation(
    connection: duckdb.DuckDBPyConnection, text: str, parameters: dict[str, Any] | None
) -> duckdb.DuckDBPyRelation:
    try:
        return connection.sql(text, params=parameters)
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.InvalidInputException) as error:
        if reported_by(error) is not None:
            raise
        # `sql` reports an unknown name without its position. `execute` fails in the same way, and reports it.
        connection.execute(text, parameters or {})
        raise


def _batches(
    reader: pa.RecordBatchReader, schema: pa.Schema, piece: Piece, whole: str | None
) -> Iterator[pa.RecordBatch]:
    try:
        for batch in reader:
            yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
    except (QueryError, QueryInterrupted):
        raise
    except (duckdb.Error, RuntimeError, OSError, pa.ArrowException) as error:
        raise _failure(error, piece, whole) from None


def _failure(error: Exception, piece: Piece, whole: str | None) -> QueryError | QueryInterrupted:
    return query_error(error, piece.text) if whole is None else query_error(error, whole, first=piece.first)


def _is_command(connection: duckdb.DuckDBPyConnection, text: str, columns: list[str]) -> bool:
    if tuple(columns) not in _COMMAND_COLUMNS:
        return False
    statements = connection.extract_statements(text)
    return all(statement.expected_result_type != [duckdb.ExpectedResultType.QUERY_RESULT] for statement in statements)


def _unique(names: list[str]) -> list[str]:
    """Return `names` with a number after repeated ones: some formats allow a name only once."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        shown = name
        while shown in seen:
            seen[name] += 1
            shown = f"{name}_{seen[name]}"
        seen.setdefault(shown, 0)
        unique.append(shown)
    return unique
