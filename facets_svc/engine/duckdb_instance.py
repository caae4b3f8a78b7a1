"""The DuckDB instance over the index of one snapshot, with one cursor per request.

It has everything of the engine that is specific to DuckDB: attaching, interrupting, rebuilding.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from facets_svc import duck, sql, tracing
from facets_svc.engine.base import Columns, Interrupted, Interruption
from facets_svc.errors import Unavailable

_log = logging.getLogger(__name__)

_BATCH_ROWS: Final = 16_384
_PARAMETER: Final = re.compile(r"\$([a-z_0-9]+)")


@dataclass(frozen=True, slots=True)
class Ran:
    """A statement that ran: its name under `sql/`, its text, and the bound parameters."""

    name: str
    text: str
    parameters: Mapping[str, Any]

    def literal(self) -> str:
        """Return the text with its parameters as literals, to paste into a shell."""
        return _PARAMETER.sub(lambda match: _literal(self.parameters[match[1]]), self.text)


class DuckdbCursor:
    """The connection of one request, for one thread. `ran` lists its statements so far.

    The first statement opens the connection: an answer from totals needs none.
    """

    def __init__(self, instance: duckdb.DuckDBPyConnection, interruption: Interruption) -> None:
        self.ran: list[Ran] = []
        self._instance = instance
        self._interruption = interruption
        self._thread = threading.get_ident()
        self._made: duckdb.DuckDBPyConnection | None = None
        self._closed = False

    def columns(self, name: str, parameters: Mapping[str, Any]) -> Columns:
        """Run a statement whose columns are integers without nulls, and return them."""
        return self._execute(name, parameters).fetchnumpy()

    def rows(self, name: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a statement, and return its rows."""
        return self._execute(name, parameters).fetchall()

    def table(self, name: str) -> pa.Table:
        """Run a statement without parameters, and return its result."""
        text, _ = sql.load(name).bind({})
        return self._connection.sql(text).to_arrow_table()

    def _execute(self, name: str, parameters: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
        text, bound = sql.load(name).bind(parameters)
        self.ran.append(Ran(name, text, bound))
        tracing.statement_ran(name)
        # Not sql(): it plans a relation when it makes it and again when it runs it.
        return self._connection.execute(text, bound)

    def batches(self, name: str, parameters: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        """Run a statement, and yield its result in batches of at most 16,384 rows."""
        text, bound = sql.load(name).bind(parameters)
        yield from self._connection.sql(text, params=bound).to_arrow_reader(_BATCH_ROWS)

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        if threading.get_ident() != self._thread or self._closed:
            # On DuckDB 1.5, two threads that share a connection may silently get each other's rows.
            raise AssertionError("A cursor was used by another thread than its request's, or after its request.")
        self._interruption.check()  # DuckDB ignores an interrupt between two statements
        if self._made is None:
            self._made = self._instance.cursor()
        return self._made

    def interrupt(self) -> None:
        """Stop the running statement. Thread-safe."""
        if self._made is not None:
            self._made.interrupt()

    def close(self) -> None:
        """Close the connection."""
        self._closed = True
        if self._made is not None:
            self._made.close()


class DuckdbInstance:
    """A read-only DuckDB over the index file of a snapshot. Processes share the pages of the file in memory.

    `snapshot_id` is for the log; `tables` are Arrow tables beside those of the file, by name. Raises `duckdb.Error` if
    the file cannot be opened.
    """

    def __init__(
        self,
        file: Path,
        *,
        snapshot_id: str,
        threads: int,
        memory_limit: str,
        tables: Mapping[str, pa.Table] | None = None,
    ) -> None:
        self._file = file
        self._snapshot_id = snapshot_id
        self._tables = dict(tables or {})
        self._threads = threads
        self._memory_limit = memory_limit
        self._rebuilding = threading.Lock()
        self._connection = self._connect()

    def beside(self, tables: Mapping[str, pa.Table], *, file: Path | None = None) -> DuckdbInstance:
        """Return another instance over the same file, with these Arrow tables beside those of the file.

        `file` is its path now: the local copy of a file in a bucket may have been removed and fetched again. Raises
        `duckdb.Error` if it cannot be opened.
        """
        return DuckdbInstance(
            file or self._file,
            snapshot_id=self._snapshot_id,
            threads=self._threads,
            memory_limit=self._memory_limit,
            tables=tables,
        )

    @contextmanager
    def cursor(self, interruption: Interruption) -> Iterator[DuckdbCursor]:
        """Open a cursor for the request that runs in this thread; `interruption` stops its statements.

        The block raises `Interrupted` if it was stopped, `Unavailable` if DuckDB failed. If the failure made the
        connection unusable, it is replaced first.
        """
        connection = self._connection
        try:
            cursor = DuckdbCursor(connection, interruption)
            try:
                with interruption.stopping_by(cursor.interrupt):
                    yield cursor
            finally:
                cursor.close()
        except duckdb.InterruptException:
            raise Interrupted("The query was interrupted.") from None
        except duckdb.Error as error:
            _log.exception("DuckDB failed over the snapshot %s", self._snapshot_id)
            if isinstance(error, duck.FATAL):
                self._replace(connection)
            raise Unavailable("The engine failed. Retry the request.") from error

    def close(self) -> None:
        """Release the file and the memory. The caller makes sure that no cursor is open or follows."""
        self._connection.close()

    def _replace(self, failed: duckdb.DuckDBPyConnection) -> None:
        """Replace the connection `failed`, once even if several requests saw it fail.

        If that fails, because the file is missing or damaged, the next failure tries again.
        """
        with self._rebuilding:
            if self._connection is failed:
                try:
                    self._connection = self._connect()
                except duckdb.Error:
                    _log.exception("The index of the snapshot %s cannot be opened again", self._snapshot_id)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        only = [str(self._file), f"{self._file}.wal"]  # DuckDB looks for a writer's log
        connection = duck.connect(threads=self._threads, memory_limit=self._memory_limit, only=only)
        path = str(self._file).replace("'", "''")
        connection.execute(f"ATTACH '{path}' AS snapshot (READ_ONLY)")
        # A cursor does not inherit the search path of its connection: views give all cursors the tables.
        names = connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'snapshot'").fetchall()
        for (name,) in names:
            connection.table(f'snapshot."{name}"').create_view(name)
        for name, table in self._tables.items():
            connection.from_arrow(table).create(name)
        return connection


def _literal(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, datetime):
        return f"TIMESTAMPTZ '{value.isoformat()}'"
    if isinstance(value, str):
        quoted = value.replace("'", "''")
        return f"'{quoted}'"
    return str(value)
