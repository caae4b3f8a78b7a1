"""A session of a Spark Connect server with the tables of one snapshot, which runs the statements of `sql/spark/`.

What is Spark's own (connecting, sessions, views, interrupting) is here and nowhere else in the engine.
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
from facets_svc.engine.base import Interrupted, Interruption
from facets_svc.engine.running import Columns
from facets_svc.errors import SettingsError, Unavailable

if not hasattr(sys.modules["__main__"], "__file__"):
    # PySpark takes a program without a file (`python -c`, a worker of pytest-xdist) for its own doctests, and exits.
    sys.modules["__main__"].__file__ = "<none>"

try:
    with warnings.catch_warnings():
        # Answers come as Arrow: the part of PySpark that uses pandas is not used.
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        import grpc
        from pyspark.errors import AnalysisException, PySparkException
        from pyspark.logger import PySparkLogger
        from pyspark.sql.connect.client import DefaultChannelBuilder
        from pyspark.sql.connect.session import SparkSession
except ImportError:
    raise SettingsError("FACETS_ENGINE=sc://… needs the extra `spark`: pip install 'facets-svc[spark]'.") from None

_log = logging.getLogger(__name__)

for _name in ("DataFrameQueryContextLogger", "SQLQueryContextLogger"):
    # They write each error of Apache Spark to stderr, with its stack and unredacted. `_reason` says what the log has.
    PySparkLogger.getLogger(_name).disabled = True

CALL_SECONDS: Final = 120.0
"""Seconds after which a call to the server is given up, whatever it waits for: a query has its own deadline before."""

CHECK_SECONDS: Final = 5.0
"""Seconds that the server has to answer when it is asked whether it does."""

CHECK_EVERY_SECONDS: Final = 10.0
"""Seconds after an answer in which the server need not be asked whether it answers."""

ENDING_SECONDS: Final = 1.0
"""Seconds for telling the server to stop a query whose answer is awaited no more, or that a session is over."""

_CHANNEL: Final = (
    # Each session connects for itself, and at once when the server is back: gRPC's own pause grows to two minutes.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)

_FILE: Final = "file://"

_FAILURES: Final = (PySparkException, grpc.RpcError, OSError, pa.ArrowException)


class _Calls(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):  # type: ignore[misc]
    """Gives every call a time limit, and lets another thread cancel the one that a thread waits for."""

    def __init__(self) -> None:
        self._thread = threading.local()

    @contextmanager
    def limited(self, seconds: float, cursor: SparkCursor | None = None) -> Iterator[None]:
        """Within the block, this thread's calls are given up after `seconds`; `cursor` can cancel them."""
        before = getattr(self._thread, "limits", (CALL_SECONDS, None))
        self._thread.limits = (seconds, cursor)
        try:
            yield
        finally:
            self._thread.limits = before

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        """Start a call that has one answer."""
        return self._started(continuation, details, request)

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        """Start a call whose answer comes in parts."""
        return self._started(continuation, details, request)

    def _started(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        seconds, cursor = getattr(self._thread, "limits", (CALL_SECONDS, None))
        call = continuation(details._replace(timeout=seconds), request)
        if cursor is not None:
            cursor.waits_for(call)
        return call


class SparkCursor:
    """One request's statements: for one thread, until the request is done."""

    def __init__(self, connected: Callable[[], SparkSession], interruption: Interruption) -> None:
        self.tag = f"facets-{uuid.uuid4()}"
        self.stopped = False
        self.session: SparkSession | None = None
        self._connected = connected
        self._interruption = interruption
        self._lock = threading.Lock()
        self._call: Any = None

    def columns(self, name: str, parameters: Mapping[str, Any]) -> Columns:
        """Run the statement `name`, and return its columns. No value may be null."""
        table = self._run(name, parameters)
        return {column: table.column(column).to_numpy() for column in table.column_names}

    def rows(self, name: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run the statement `name`, and return its rows."""
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
        """Note the call that this cursor's thread waits for from now on."""
        with self._lock:
            self._call = call
            if self.stopped:
                call.cancel()

    def interrupt(self) -> None:
        """Stop waiting for the running statement. Any thread may call it."""
        with self._lock:
            self.stopped = True
            if self._call is not None:
                self._call.cancel()


class SparkInstance:
    """A session with the tables of a snapshot, made for the first request and made anew after a failure.

    `tables` has, by the name of each, its Parquet files as the cluster finds them; `views` are statements under `sql/`
    that stand beside them, by name. `reachable` tells whether the server answered when it was last asked, `answered_at`
    when it last did, by `time.monotonic`. `endpoint` is such as `sc://host:15002/;use_ssl=true;token=…`, and in no log.
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
        """Return another instance, with more tables and views beside its own."""
        return SparkInstance(self._endpoint, self.tables | dict(tables), snapshot_id=self._snapshot_id, views=views)

    @contextmanager
    def cursor(self, interruption: Interruption, *, seconds: float = CALL_SECONDS) -> Iterator[SparkCursor]:
        """Open a cursor for the request that runs in this thread; `interruption` stops what it runs.

        A call that takes longer than `seconds` fails. Raises `Interrupted` when it was stopped, `Unavailable` when the
        server failed or cannot be reached; the next cursor then has a new session. Other requests that run in the
        failed session go on, and the last of them ends it.
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
        """Release the session. No cursor is open, and none comes after."""
        session, self._session = self._session, None
        if session is not None:
            self._end(session)

    def _interrupt(self, cursor: SparkCursor) -> None:
        """Tell the server to stop what a cursor ran."""
        if cursor.session is not None:
            with suppress(*_FAILURES), self._calls.limited(ENDING_SECONDS):
                cursor.session.interruptTag(cursor.tag)

    def _reason(self, error: BaseException) -> str:
        """Return in one line what the server or the connection said, without a token or a header that was sent."""
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
        # A call that fails is told at once: the client's own policy would try again for ten minutes. An answer that
        # could be asked for again after a lost connection would be computed on when nobody waits.
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
        """Let the next cursor make a new session, unless another request that saw this one fail has already."""
        with self._connecting:
            if self._session is failed:
                self._session = None

    def _leave(self, session: SparkSession | None) -> None:
        """Count a cursor less, and end its session if it was replaced and no other cursor uses it."""
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
        # Else each session of a long outage would be held until the process ends.
        atexit.unregister(session.client._on_exit)  # noqa: SLF001 - the client has no other way


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
    """Return a statement of `sql/facets/` in the dialect of Spark."""
    return sql.load(f"spark/{name.partition('/')[2]}")


def shown(endpoint: str) -> str:
    """Return an endpoint without its parameters, one of which may be a token.

    >>> shown("sc://host:15002/;token=secret")
    'sc://host:15002'
    """
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
