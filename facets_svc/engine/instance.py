"""The DuckDB instance of one snapshot, which hands out one cursor a request."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from facets_svc.engine.base import Interrupted, Interruption
from facets_svc.errors import Unavailable

_log = logging.getLogger(__name__)

_FATAL: Final = (duckdb.FatalException, duckdb.InternalException, duckdb.ConnectionException)


class Cursor:
    """One request's own connection to the instance: for one thread, closed when the request is done.

    The connection is made when it is needed: that takes longer than many an answer.
    """

    def __init__(self, instance: duckdb.DuckDBPyConnection, interruption: Interruption) -> None:
        self._instance = instance
        self._interruption = interruption
        self._thread = threading.get_ident()
        self._made: duckdb.DuckDBPyConnection | None = None
        self._closed = False

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        if threading.get_ident() != self._thread or self._closed:
            # On DuckDB 1.5 a connection that two threads share may return one the other's rows, silently.
            raise AssertionError("A cursor was used by another thread than its request's, or after its request.")
        if self._made is None:
            self._made = self._instance.cursor()
        return self._made

    def columns(self, statement: str, parameters: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
        """Run a statement, and return its columns by name. No value may be null."""
        # Not sql(): a relation is planned when it is made and again when it is run.
        columns = self._execute(statement, parameters).fetchnumpy()
        return {name: np.asarray(column) for name, column in columns.items()}

    @contextmanager
    def seeing(self, name: str, table: pa.Table) -> Iterator[None]:
        """While the block runs, this cursor's statements, and no others', see an Arrow table by this name."""
        self._connection.register(name, table)
        try:
            yield
        finally:
            self._connection.unregister(name)

    def _execute(self, statement: str, parameters: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
        connection = self._connection
        self._interruption.check()  # DuckDB forgets an interrupt that comes between two statements
        return connection.execute(statement, dict(parameters))

    def interrupt(self) -> None:
        """Stop the running statement. Any thread may call it."""
        if self._made is not None:
            self._made.interrupt()

    def close(self) -> None:
        """Give the connection back."""
        self._closed = True
        if self._made is not None:
            self._made.close()


class Instance:
    """A DuckDB that answers over what its cursors are shown; it holds nothing itself.

    `snapshot_id` is for the log.
    """

    def __init__(self, snapshot_id: str, *, threads: int, memory_limit: str) -> None:
        self._snapshot_id = snapshot_id
        self._config: dict[str, Any] = {
            "threads": threads,
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
        }
        if memory_limit:
            self._config["memory_limit"] = memory_limit
        self._rebuilding = threading.Lock()
        self._connection = self._connect()

    @contextmanager
    def cursor(self, interruption: Interruption) -> Iterator[Cursor]:
        """Open a cursor for the request that runs in this thread; `interruption` stops what it runs.

        Raises `Interrupted` when it was stopped, `Unavailable` when DuckDB failed. An instance that answers nothing any
        more after the failure is replaced before this raises.
        """
        connection = self._connection
        try:
            cursor = Cursor(connection, interruption)
            try:
                with interruption.stopping_by(cursor.interrupt):
                    yield cursor
            finally:
                cursor.close()
        except duckdb.InterruptException:
            raise Interrupted("The query was interrupted.") from None
        except duckdb.Error as error:
            _log.exception("DuckDB failed over the snapshot %s", self._snapshot_id)
            if isinstance(error, _FATAL):
                self._replace(connection)
            raise Unavailable("The engine failed; ask again.") from error

    def close(self) -> None:
        """Let go of the memory. No cursor is open, and none comes after."""
        self._connection.close()

    def _replace(self, failed: duckdb.DuckDBPyConnection) -> None:
        """Replace the connection that failed; once, however many requests saw it fail."""
        with self._rebuilding:
            if self._connection is failed:
                self._connection = self._connect()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(":memory:", config=self._config)
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return connection
