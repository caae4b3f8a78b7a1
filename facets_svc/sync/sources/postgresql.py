"""Reads PostgreSQL databases with Arrow's driver, in one read-only transaction."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from types import ModuleType
from typing import Any, Final

import numpy as np
import pyarrow as pa

from facets_svc import sql
from facets_svc.catalogue import RECORD
from facets_svc.errors import DataRefused, SourceError
from facets_svc.sync.batches import MAX_BATCH_BYTES, MAX_BATCH_ROWS, RawBatch
from facets_svc.sync.clean_arrays import is_list
from facets_svc.sync.sources.postgresql_text import bare
from facets_svc.sync.sources.postgresql_url import Address

STATEMENT_TIMEOUT: Final = "1h"
"""Time limit of a statement, unless the role or the location sets one: it ends statements that hang."""

_BATCH_BYTES = {"adbc.postgresql.batch_size_hint_bytes": str(MAX_BATCH_BYTES // 2)}
_ONE_MOMENT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_TIMEOUT: Final = (
    f"SELECT set_config('statement_timeout', '{STATEMENT_TIMEOUT}', TRUE) "
    "WHERE current_setting('statement_timeout') = '0'"
)
_DIMENSIONS: Final = "facets_svc_dimensions_of_"
_ISOLATION: Final = "SELECT current_setting('transaction_isolation') AS isolation"


class PostgresSource:
    """The rows of a query over a PostgreSQL database, and the orgs of another query, of the same moment."""

    total_bytes: int | None = None

    def __init__(self, location: str, query: str | None, organizations_query: str | None = None) -> None:
        """Use the packaged queries of the reference schema by default.

        With a query for models only, no orgs are listed: the database may have no table of orgs. Raises `SourceError`
        for an invalid location, or if the extra `postgres` is not installed.
        """
        self._address = Address.of(location)
        self.label = self._address.label
        if query is None and organizations_query is None:
            organizations_query = sql.load("export/extract_postgresql_organizations").text
        self._query = sql.load("export/extract_postgresql").text if query is None else query
        self._organizations_query = organizations_query
        self._organizations: list[RawBatch] = []
        self._driver = _driver()

    def batches(self) -> Iterator[RawBatch]:
        """Yield the rows of the query, with columns by name. Raises `SourceError` or `DataRefused`."""
        with self._connected() as connection:
            if self._organizations_query is not None:
                # There are few orgs: reading them first does not delay the models.
                self._organizations = list(
                    self._run(connection, self._organizations_query, f"{self.label} (organizations)")
                )
            yield from self._run(connection, self._query, self.label)

    def organizations(self) -> Iterator[RawBatch]:
        """Yield the orgs that `batches` has read in its transaction."""
        yield from self._organizations

    def _run(self, connection: Any, query: str, file: str) -> Iterator[RawBatch]:
        read = 0
        with closing(connection.cursor(adbc_stmt_kwargs=_BATCH_BYTES)) as cursor:
            with self._telling("the query cannot be run"):
                # The driver puts the query in parentheses, which a comment at its end must not swallow.
                query = bare(query) + "\n"
                arrays = _arrays(cursor.adbc_execute_schema(query))
                cursor.execute(_with_dimensions(query, arrays))
                reader = cursor.fetch_record_batch()
            names = [name for name in reader.schema.names if not name.startswith(_DIMENSIONS)]
            twice = sorted({name for name in names if name in RECORD.names and names.count(name) > 1})
            if twice:
                raise DataRefused(f"{self.label}: the query returns the column {', '.join(twice)} more than once.")
            money = [
                field.name
                for field in reader.schema
                if field.name in RECORD.names and (field.metadata or {}).get(b"POSTGRESQL:type") == b"money"
            ]
            if money:
                raise DataRefused(
                    f"{self.label}: the column {', '.join(money)} has type money, whose unit is unknown. "
                    "CAST it to numeric."
                )
            if not names:
                raise SourceError(f"{self.label}: the query returns no columns. Write a SELECT.")
            empty = pa.RecordBatch.from_arrays(
                [pa.nulls(0, field.type) for field in reader.schema], schema=reader.schema
            )
            yield self._raw(empty, read, file)  # shows the columns of a query without rows
            while True:
                with self._telling(f"the rows after row {read} cannot be read"):
                    batch = next(reader, None)
                if batch is None:
                    return
                for start in range(0, batch.num_rows, MAX_BATCH_ROWS):
                    raw = self._raw(batch.slice(start, MAX_BATCH_ROWS), read, file)
                    yield raw
                    read += raw.rows

    @staticmethod
    def _raw(batch: pa.RecordBatch, read: int, file: str) -> RawBatch:
        return RawBatch(
            file=file,
            numbers=np.arange(read + 1, read + batch.num_rows + 1),
            columns={name: _column(batch, name) for name in batch.schema.names if name in RECORD.names},
            has_header=True,
            unknown=frozenset(
                name for name in batch.schema.names if name not in RECORD.names and not name.startswith(_DIMENSIONS)
            ),
        )

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        """Open a connection in a read-only transaction with one snapshot of the database."""
        with self._telling("the connection failed"):
            connection = self._driver.connect(self._address.url)
        with closing(connection):
            with self._telling("no transaction can be started"):
                for statement in (_ONE_MOMENT, _TIMEOUT):
                    with closing(connection.cursor()) as cursor:
                        cursor.execute(statement)
                with closing(connection.cursor()) as cursor:
                    cursor.execute(_ISOLATION)
                    isolation = cursor.fetchone()
            if isolation != ("repeatable read",):
                raise SourceError(f"{self.label}: the driver left its transaction ({isolation}).")
            yield connection

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Raise a `SourceError` without credentials in place of a driver's error."""
        try:
            yield
        except (self._driver.Error, pa.ArrowException, OSError) as error:
            raise SourceError(f"{self.label}: {what}: {self._address.sentence(error)}.") from None


def _arrays(schema: pa.Schema) -> list[str]:
    """Return the names of the columns of the record that are arrays, sorted, without repeats."""
    return sorted({field.name for field in schema if field.name in RECORD.names and is_list(field.type)})


def _with_dimensions(query: str, arrays: Sequence[str]) -> str:
    """Return the query with the number of dimensions of each array beside it: the driver returns only the items."""
    if not arrays:
        return query
    dimensions = ", ".join(f'array_ndims(facets_svc_rows."{name}") AS "{_DIMENSIONS}{name}"' for name in arrays)
    return f"SELECT facets_svc_rows.*, {dimensions} FROM (\n{query}) AS facets_svc_rows"  # noqa: S608 - names of ours


def _column(batch: pa.RecordBatch, name: str) -> pa.Array | list[Any]:
    """Return a column; as Python values if it has arrays of several dimensions, which become lists of lists."""
    column = batch.column(name)
    place = batch.schema.get_field_index(_DIMENSIONS + name)
    if place < 0:
        return column
    dimensions = batch.column(place).to_pylist()
    if max((number or 0 for number in dimensions), default=0) < 2:
        return column
    values = column.to_pylist()
    return [[value] if (number or 0) > 1 else value for value, number in zip(values, dimensions, strict=True)]


def _driver() -> ModuleType:
    """Return the driver, which is an extra. Raises `SourceError` if it is not installed."""
    try:
        return importlib.import_module("adbc_driver_postgresql.dbapi")
    except ImportError:
        raise SourceError(
            "Reading PostgreSQL needs the extra `postgres`: pip install 'facets-svc[postgres]'."
        ) from None
