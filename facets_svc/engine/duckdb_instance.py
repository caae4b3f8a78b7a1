"""The DuckDB instance over one snapshot's index, which hands out one cursor a request.

What is DuckDB's own (settings, attaching, interrupting, rebuilding) is here and nowhere else in the engine.
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
    """A statement as it ran: its name under `sql/`, its text, and the parameters that were bound."""

    name: str
    text: str
    parameters: Mapping[str, Any]

    def literal(self) -> str:
        """Return the text with its parameters written as literals, to be pasted into a shell."""
        return _PARAMETER.sub(lambda match: _literal(self.parameters[match[1]]), self.text)


class DuckdbCursor:
    """One request's own connection to the instance: for one thread, closed when the request is done.

    The connection is made for the first statement: an answer from totals needs none. `ran` are the statements so far.
    """

    def __init__(self, instance: duckdb.DuckDBPyConnection, interruption: Interruption) -> None:
        self.ran: list[Ran] = []
        self._instance = instance
        self._interruption = interruption
        self._thread = threading.get_ident()
        self._made: duckdb.DuckDBPyConnection | None = None
        self._closed = False

    def columns(self, name: str, parameters: Mapping[str, Any]) -> Columns:
        """Run the statement `name`, and return its columns. No value may be null."""
        return self._execute(name, parameters).fetchnumpy()

    def rows(self, name: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run the statement `name`, and return its rows."""
        return self._execute(name, parameters).fetchall()

    def table(self, name: str) -> pa.Table:
        """Run the statement `name`, which has no parameters, and return its answer as an Arrow table."""
        text, _ = sql.load(name).bind({})
        return self._connection.sql(text).to_arrow_table()

    def _execute(self, name: str, parameters: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
        text, bound = sql.load(name).bind(parameters)
        self.ran.append(Ran(name, text, bound))
        tracing.statement_ran(name)
        # Not sql(): a relation is planned when it is made and again when it is run.
        return self._connection.execute(text, bound)

    def batches(self, name: str, parameters: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        """Run the statement `name`, and yield its answer as Arrow batches."""
        text, bound = sql.load(name).bind(parameters)
        yield from self._connection.sql(text, params=bound).to_arrow_reader(_BATCH_ROWS)

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        if threading.get_ident() != self._thread or self._closed:
            # On DuckDB 1.5 a connection that two threads share may return one the other's rows, silently.
            raise AssertionError("A cursor was used by another thread than its request's, or after its request.")
        self._interruption.check()  # DuckDB forgets an interrupt that comes between two statements
        if self._made is None:
            self._made = self._instance.cursor()
        return self._made

    def interrupt(self) -> None:
        """Stop the running statement. Any thread may call it."""
        if self._made is not None:
            self._made.interrupt()

    def close(self) -> None:
        """Give the connection back."""
        self._closed = True
        if self._made is not None:
            self._made.close()


class DuckdbInstance:
    """A DuckDB over the index file of a snapshot, which it only reads; processes share its pages in memory.

    `snapshot_id` is for the log, `tables` are Arrow tables that stand beside those of the file. Raises `duckdb.Error`
    when the file cannot be opened.
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
        """Return another instance over the same file, with these Arrow tables beside its own.

        `file` is where the file lies now: a copy of one in a bucket may have been removed and fetched again.
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
        """Open a cursor for the request that runs in this thread; `interruption` stops what it runs.

        Raises `Interrupted` when it was stopped, `Unavailable` when DuckDB failed. An instance that answers nothing any
        more after the failure is replaced before this raises.
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
        """Release the file and the memory. No cursor is open, and none comes after."""
        self._connection.close()

    def _replace(self, failed: duckdb.DuckDBPyConnection) -> None:
        """Replace the connection that failed; once, however many requests saw it fail.

        One that cannot be replaced, since its file is gone or damaged, is tried again after the next failure.
        """
        with self._rebuilding:
            if self._connection is failed:
                try:
                    self._connection = self._connect()
                except duckdb.Error:
                    _log.exception("The index of the snapshot %s cannot be opened again", self._snapshot_id)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        only = [str(self._file), f"{self._file}.wal"]  # DuckDB looks for a log that a writer may have left
        connection = duck.connect(threads=self._threads, memory_limit=self._memory_limit, only=only)
        path = str(self._file).replace("'", "''")
        connection.execute(f"ATTACH '{path}' AS snapshot (READ_ONLY)")
        # A cursor does not inherit the search path of its connection: views make the tables known to all.
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
