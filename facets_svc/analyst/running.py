"""Runs one statement and streams its answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa

from facets_svc.analyst.failures import failure
from facets_svc.analyst.statements import Piece
from facets_svc.errors import QueryError, QueryInterrupted

BATCH_ROWS: Final = 8_192
"""Rows of a batch, at most: small enough that the first ones are there soon."""

_TOLD_BY_COMMANDS: Final = {(), ("Count",), ("Success",)}
"""The columns of what DuckDB answers when a statement is no question."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an answer: its name, which no other has, and its DuckDB type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A streaming answer: its columns, their Arrow schema, and the rows, which are computed as they are taken.

    Taking them raises `QueryError` or `QueryInterrupted`.
    """

    columns: tuple[Column, ...]
    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


def parameters_of(connection: duckdb.DuckDBPyConnection, text: str) -> set[str]:
    """Return the names of the parameters that the statement has. Raises `QueryError` when it does not parse."""
    try:
        statements = connection.extract_statements(text)
    except (duckdb.Error, RuntimeError) as error:
        raise failure(error, text) from None
    return set().union(*(statement.named_parameters for statement in statements))


def run(
    connection: duckdb.DuckDBPyConnection,
    piece: Piece,
    parameters: Mapping[str, Any] | None = None,
    *,
    whole: str | None = None,
) -> Answer | None:
    """Run one statement and return its answer; None when it is no question (`CREATE …`, `SET …`).

    `parameters` has a value for each of its own ones, and `whole` is the text that it was taken from, in which places
    are told. Raises `QueryError` or `QueryInterrupted`. The connection is busy until every row is taken.
    """
    text = piece.text if whole is None else whole
    first = 0 if whole is None else piece.first
    try:
        relation = connection.sql(piece.text, params=dict(parameters) if parameters else None)
        # None for a statement that answers nothing: so 1.5 does, which the types do not say.
        given: list[str] = getattr(relation, "columns", [])
        if _is_command(connection, piece.text, given):
            return None
        names = _unique(given)
        types = [str(type_) for type_ in relation.types]
        reader = relation.to_arrow_reader(BATCH_ROWS)
    except (duckdb.Error, RuntimeError, OSError, pa.ArrowException) as error:
        raise failure(error, text, first=first) from None
    schema = pa.schema([field.with_name(name) for field, name in zip(reader.schema, names, strict=True)])
    columns = tuple(
        Column(name, "NULL" if type_ == '"NULL"' else type_) for name, type_ in zip(names, types, strict=True)
    )
    return Answer(columns, schema, _batches(reader, schema, text, first))


def _batches(reader: pa.RecordBatchReader, schema: pa.Schema, text: str, first: int) -> Iterator[pa.RecordBatch]:
    try:
        for batch in reader:
            yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
    except (QueryError, QueryInterrupted):
        raise
    except (duckdb.Error, RuntimeError, OSError, pa.ArrowException) as error:
        raise failure(error, text, first=first) from None


def _is_command(connection: duckdb.DuckDBPyConnection, text: str, columns: list[str]) -> bool:
    if tuple(columns) not in _TOLD_BY_COMMANDS:
        return False
    statements = connection.extract_statements(text)
    return all(statement.expected_result_type != [duckdb.ExpectedResultType.QUERY_RESULT] for statement in statements)


def _unique(names: list[str]) -> list[str]:
    """Return `names` with a number after those that come again, since not every format can have one name twice."""
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
