"""A session of a Spark Connect server with the tables of one snapshot, which runs the statements of `sql/spark/`.

It has everything of the engine that is specific to Spark: connecting, sessions, views, interrupting.
"""

from __future__ import annotations

import atexit
import logging
import re
import sys
import threading
import time
import uuid
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from facets_svc import sql, tracing
from facets_svc.engine.base import Columns, Interrupted, Interruption
from facets_svc.errors import Unavailable

if not hasattr(sys.modules["__main__"], "__file__"):
    # PySpark mistakes a program without a file (`python -c`, a worker of pytest-xdist) for its doctests, and exits.
    sys.modules["__main__"].__file__ = "<none>"

with warnings.catch_warnings():
    # Answers come as Arrow: nothing here uses the part of PySpark that needs pandas.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    import grpc
    from pyspark.errors import AnalysisException, PySparkException
    from pyspark.logger import PySparkLogger
    from pyspark.sql.connect.client import DefaultChannelBuilder
    from pyspark.sql.connect.session import SparkSession

_log = logging.getLogger(__name__)

for _name in ("DataFrameQueryContextLogger", "SQLQueryContextLogger"):
    # They write each error of Apache Spark to stderr, with its stack and unredacted. `_reason` says what the log has.
    PySparkLogger.getLogger(_name).disabled = True

CALL_SECONDS: Final = 120.0
"""Time limit of any call to the server. The deadline of a query is shorter."""

CHECK_SECONDS: Final = 5.0
"""Time limit of the call that checks whether the server answers."""

CHECK_EVERY_SECONDS: Final = 10.0
"""Seconds after an answer for which no check is needed."""

ENDING_SECONDS: Final = 1.0
"""Time limit of the call that stops a query or ends a session."""

_CHANNEL: Final = (
    # Each session has its own connection, and reconnects quickly: gRPC's default pause grows to two minutes.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)

_FILE: Final = "file://"

_FAILURES: Final = (PySparkException, grpc.RpcError, OSError, pa.ArrowException)


class _Calls(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):  # type: ignore[misc]
    """Gives every call a time limit, and lets another thread cancel it."""

    def __init__(self) -> None:
        self._thread = threading.local()

    @contextmanager
    def limited(self, seconds: float, cursor: SparkCursor | None = None) -> Iterator[None]:
        """Limit the calls of this thread in the block to `seconds`, and let `cursor` cancel them."""
        before = getattr(self._thread, "limits", (CALL_SECONDS, None))
        self._thread.limits = (seconds, cursor)
        try:
            yield
        finally:
            self._thread.limits = before

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        """Start a call with one answer."""
        return self._started(continuation, details, request)

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        """Start a call with an answer in parts."""
        return self._started(continuation, details, request)

    def _started(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        seconds, cursor = getattr(self._thread, "limits", (CALL_SECONDS, None))
        call = continuation(details._replace(timeout=seconds), request)
        if cursor is not None:
            cursor.waits_for(call)
        return call


class SparkCursor:
    """Runs the statements of one request, in one thread."""

    def __init__(self, connected: Callable[[], SparkSession], interruption: Interruption) -> None:
        self.tag = f"facets-{uuid.uuid4()}"
        self.stopped = False
        self.session: SparkSession | None = None
        self._connected = connected
        self._interruption = interruption
        self._lock = threading.Lock()
        self._call: Any = None

    def columns(self, name: str, parameters: Mapping[str, Any]) -> Columns:
        """Run a statement whose columns are integers without nulls, and return them."""
        table = self._run(name, parameters)
        return {column: table.column(column).to_numpy() for column in table.column_names}

    def rows(self, name: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a statement, and return its rows."""
        table = self._run(name, parameters)
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    def _run(self, name: str, parameters: Mapping[str, Any]) -> pa.Table:
        text, bound = spark_statement(name).bind(parameters)
        tracing.statement_ran(name)
        return self._execute(text, bound)

    def _execute(self, text: str, bound: Mapping[str, Any]) -> pa.Table:
        self._interruption.check()
        if self.session is None:
            self.session = self._connected()
        session = self.session
        session.clearTags()
        session.addTag(self.tag)
        return session.sql(text, args=dict(bound)).toArrow()

    def waits_for(self, call: Any) -> None:
        """Set the call that this cursor's thread waits for, which `interrupt` cancels."""
        with self._lock:
            self._call = call
            if self.stopped:
                call.cancel()

    def interrupt(self) -> None:
        """Stop waiting for the running statement. Thread-safe."""
        with self._lock:
            self.stopped = True
            if self._call is not None:
                self._call.cancel()


class SparkInstance:
    """A session with the tables of a snapshot. The first request, and the first one after a failure, start it.

    `endpoint` is such as `sc://host:15002/;use_ssl=true;token=…`, and never in a log. `tables` has the URLs of the
    Parquet files of each table, by its name, `views` the names of statements under `sql/` that are further tables.
    `reachable` is whether the last call to the server succeeded, `answered_at` the time of its last answer, by
    `time.monotonic`.
    """

    def __init__(
        self,
        endpoint: str,
        tables: Mapping[str, list[str]],
        *,
        snapshot_id: str,
        views: Mapping[str, str] | None = None,
    ) -> None:
        self.tables = dict(tables)
        self._endpoint = endpoint
        self._views = dict(views or {})
        self._snapshot_id = snapshot_id
        self._calls = _Calls()
        self.reachable = True
        self.answered_at = 0.0
        self._connecting = threading.Lock()
        self._session: SparkSession | None = None
        self._cursors: Counter[SparkSession] = Counter()

    def beside(self, tables: Mapping[str, list[str]], views: Mapping[str, str] | None = None) -> SparkInstance:
        """Return another instance, with the tables of this one, more tables, and `views`."""
        return SparkInstance(self._endpoint, self.tables | dict(tables), snapshot_id=self._snapshot_id, views=views)

    @contextmanager
    def cursor(self, interruption: Interruption, *, seconds: float = CALL_SECONDS) -> Iterator[SparkCursor]:
        """Open a cursor for the request that runs in this thread; `interruption` stops its statements.

        A call that takes longer than `seconds` fails. The block raises `Interrupted` if it was stopped, `Unavailable`
        if the server failed or cannot be reached: the next cursor then has a new session. Other requests in the failed
        session continue, and the last of them ends it.
        """
        cursor = SparkCursor(self._connected, interruption)
        try:
            with self._calls.limited(seconds, cursor), interruption.stopping_by(cursor.interrupt):
                yield cursor
        except _FAILURES as error:
            if cursor.stopped:
                self._interrupt(cursor)
                raise Interrupted("The query was interrupted.") from None
            self.reachable = False
            _log.error(
                "%s failed over the snapshot %s: %s", shown(self._endpoint), self._snapshot_id, self._reason(error)
            )
            self._replace(cursor.session)
            raise Unavailable("The engine failed or cannot be reached. Retry the request.") from None
        else:
            self.reachable = True
            self.answered_at = time.monotonic()
        finally:
            self._leave(cursor.session)

    def close(self) -> None:
        """End the session. The caller makes sure that no cursor is open or follows."""
        session, self._session = self._session, None
        if session is not None:
            self._end(session)

    def _interrupt(self, cursor: SparkCursor) -> None:
        """Make the server stop the statement of a cursor."""
        if cursor.session is not None:
            with suppress(*_FAILURES), self._calls.limited(ENDING_SECONDS):
                cursor.session.interruptTag(cursor.tag)

    def _reason(self, error: BaseException) -> str:
        """Return the message of an error in one line, without the token and headers of the request."""
        builder = DefaultChannelBuilder(self._endpoint)
        said = " ".join(str(error).split())
        for secret in (builder.token, *(value for _, value in builder.metadata())):
            said = said.replace(secret, "…") if secret else said
        return said[:500]

    def _connected(self) -> SparkSession:
        with self._connecting:
            if self._session is None:
                self._session = self._connect()
            self._cursors[self._session] += 1
            return self._session

    def _connect(self) -> SparkSession:
        builder = DefaultChannelBuilder(self._endpoint, channelOptions=list(_CHANNEL))
        builder.add_interceptor(self._calls)
        session = SparkSession(connection=builder)
        # No retries: the client's default policy retries for ten minutes. No reattachable execution: after a lost
        # connection, the server would continue to compute an answer that no client waits for.
        session.client.set_retry_policies([])
        session.client.disable_reattachable_execute()
        try:
            session.conf.set("spark.sql.session.timeZone", "UTC")
            for name, files in self.tables.items():
                _create_view(session, name, files)
            for name, statement in self._views.items():
                session.sql(spark_statement(statement).text).createOrReplaceTempView(name)
        except _FAILURES:
            self._end(session)
            raise
        return session

    def _replace(self, failed: SparkSession | None) -> None:
        """Let the next cursor start a new session, unless another request has already replaced the failed one."""
        with self._connecting:
            if self._session is failed:
                self._session = None

    def _leave(self, session: SparkSession | None) -> None:
        """Count one cursor less, and end its session if it was replaced and no other cursor uses it."""
        if session is None:
            return
        with self._connecting:
            self._cursors[session] -= 1
            if self._cursors[session]:
                return
            del self._cursors[session]
            if self._session is session:
                return
        self._end(session)

    def _end(self, session: SparkSession) -> None:
        with suppress(*_FAILURES), self._calls.limited(ENDING_SECONDS):
            session.stop()
        # Otherwise, atexit would keep each session of a long outage in memory until the process ends.
        atexit.unregister(session.client._on_exit)  # noqa: SLF001 - the client has no public way


def _create_view(session: SparkSession, name: str, files: list[str]) -> None:
    """Let `name` stand for the rows of Parquet files, which are URIs.

    Sail decodes a URI. Apache Spark takes the text as it is, and looks for a folder named `a%20b`.
    """
    try:
        session.read.parquet(*files).createOrReplaceTempView(name)
    except AnalysisException as error:
        undecoded = [hadoop_path(file) for file in files]
        if error.getCondition() != "PATH_NOT_FOUND" or undecoded == files:
            raise
        session.read.parquet(*undecoded).createOrReplaceTempView(name)


def hadoop_path(location: str) -> str:
    """Return the URI of a file as Hadoop writes it: not encoded, with the characters of its patterns escaped."""
    if not location.startswith(_FILE):
        return location
    return _FILE + re.sub(r"([\\\[\]{}*?])", r"\\\1", unquote(location.removeprefix(_FILE)))


def spark_statement(name: str) -> sql.Statement:
    """Return the statement `name` of `sql/facets/` in the dialect of Spark."""
    return sql.load(f"spark/{name.partition('/')[2]}")


def shown(endpoint: str) -> str:
    """Return an endpoint without its parameters, which may include a token.

    >>> shown("sc://host:15002/;token=secret")
    'sc://host:15002'
    """
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
