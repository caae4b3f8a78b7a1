"""Opens DuckDB, and maps its errors to ours. No other module configures DuckDB.

::

    with duck.connect(threads=2, memory_limit="1GiB", scratch=folder) as connection: ...
    with duck.connect(only=files) as connection: ...         # can read these files only
    with duck.errors_as(SnapshotCorrupt, "The snapshots cannot be compared"): ...

`query_error` is for SQL that a person wrote: on a connection with the setting `ERRORS_WITH_POSITION`, it gives the line
and column of the error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import duckdb
import msgspec
import pyarrow as pa

from facets_svc.errors import FacetsError, QueryError, QueryInterrupted, SettingsError

Value = str | bool | int | float | list[str]

Errors = type[Exception] | tuple[type[Exception], ...]

FATAL: Final = (duckdb.FatalException, duckdb.InternalException, duckdb.ConnectionException)
"""Errors after which an instance may fail every statement: open another one."""

ERRORS: Final = (duckdb.Error, pa.ArrowException)
"""The errors that DuckDB raises: while a result streams, they arrive as Arrow's."""

DISK_ERRORS: Final = (OSError, duckdb.IOException, duckdb.FatalException)
"""The errors that a full or failing disk raises, in Python and in DuckDB."""

ERRORS_WITH_POSITION: Final[Mapping[str, Value]] = {"errors_as_json": True}

_INTERRUPT: Final = "INTERRUPT"
_HINTS: Final = ("Did you mean", "Candidate bindings", "Candidate tables")


def connect(
    *,
    threads: int | None = None,
    memory_limit: str = "",
    scratch: str | None = None,
    only: Sequence[str] | None = None,
    settings: Mapping[str, Value] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Return a connection to a new in-memory DuckDB, in UTC, that downloads nothing and reads no Python variables.

    Args:
        threads: Number of threads; None: one per core. With 1, it starts no threads for reading either.
        memory_limit: Such as `2GiB`. Empty: DuckDB's default.
        scratch: The folder to spill to. None: never spill.
        only: The only files that statements can read; `()`: none. Locks the configuration.
        settings: More settings of DuckDB, by name.

    Raises `SettingsError` if DuckDB rejects a setting.

    """
    config: dict[str, Value] = {
        "temp_directory": scratch or "",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
        **(settings or {}),
    }
    if threads is not None:
        config["threads"] = threads
    if memory_limit:
        config["memory_limit"] = memory_limit
    try:
        connection = duckdb.connect(":memory:", config=config)
    except duckdb.Error as error:
        raise SettingsError(f"DuckDB rejects these settings: {described(error)}") from None
    connection.execute("SET TimeZone = 'UTC'")
    if threads == 1:
        with suppress(duckdb.CatalogException):  # 1.5 has none of these threads
            connection.execute("SET async_threads = 0")
    if only is not None:
        # The order matters: without external access, and once locked, settings cannot be changed.
        if only:
            connection.execute("SET allowed_paths = ?", [list(only)])
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    return connection


@contextmanager
def errors_as(kind: type[FacetsError], failure: str, *, of: Errors = ERRORS) -> Iterator[None]:
    """Raise `kind` in place of an error `of` these classes in the block; its message is `failure: reason`.

    The reason is that of the error's cause, if it has one: an error of ours that stands for DuckDB's. Raises
    `QueryInterrupted` in place of an interruption.
    """
    try:
        yield
    except of as error:
        if is_interruption(error):
            raise QueryInterrupted("The query was interrupted.") from None
        raise kind(f"{failure}: {described(error.__cause__ or error)}") from error


def is_interruption(error: BaseException) -> bool:
    """Return whether DuckDB raised `error` because `interrupt()` ended the statement."""
    reported = reported_by(error)
    return reported is not None and reported.kind == _INTERRUPT


def described(error: BaseException) -> str:
    """Return the message of an error of DuckDB or of the operating system, as one sentence."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}."
    reported = reported_by(error)
    return _sentence(str(error) if reported is None or not reported.message else reported.message)


class Reported(msgspec.Struct):
    """DuckDB's report of an error: its kind (`Parser`, `Binder`, …), its message, its byte offset in the statement."""

    kind: str = msgspec.field(name="exception_type")
    message: str = msgspec.field(name="exception_message")
    position: str | None = None


def reported_by(error: BaseException) -> Reported | None:
    """Return DuckDB's report in `error`; None if it has no JSON, or is not an error of DuckDB."""
    # DuckDB raises a bare RuntimeError if it notices a signal itself while it runs a statement.
    if isinstance(error, duckdb.InterruptException) or str(error) == "Query interrupted":
        return Reported(_INTERRUPT, "")
    _, _, content = str(error).partition("{")
    try:
        return msgspec.json.decode("{" + content, type=Reported)
    except msgspec.MsgspecError:
        return None


def query_error(error: BaseException, text: str, *, first: int = 0) -> QueryError | QueryInterrupted:
    """Return the error to raise for `error` in the statement that starts at character `first` of `text`."""
    reported = reported_by(error)
    if reported is None:
        return QueryError(_sentence(str(error)), kind=type(error).__name__.removesuffix("Exception"))
    if reported.kind == _INTERRUPT:
        return QueryInterrupted("The query was interrupted.")
    said = _sentence(reported.message)
    if reported.position is None or not reported.position.isdecimal():
        return QueryError(f"{reported.kind} error: {said}", kind=reported.kind)
    line, column = place(text, first + _characters(text[first:], int(reported.position)))
    message = f"{reported.kind} error in line {line}, column {column}: {said}"
    return QueryError(message, line=line, column=column, kind=reported.kind)


def place(text: str, character: int) -> tuple[int, int]:
    """Return the line and column, both from 1, of the character at index `character` of `text`."""
    before = text[:character]
    return before.count("\n") + 1, character - (before.rfind("\n") + 1) + 1


def _characters(text: str, byte: int) -> int:
    return len(text.encode("utf-8", errors="replace")[:byte].decode("utf-8", errors="ignore"))


def _sentence(message: str) -> str:
    """Return the first line of a message of DuckDB, with the line of the statement and the hint, as one sentence."""
    lines = [line.strip() for line in message.splitlines() if line.strip()] or ["it gave no reason"]
    where = next((f" in {line.partition(':')[0].lower()}" for line in lines[1:] if line.startswith("LINE ")), "")
    hints = [line.rstrip("?.") for line in lines[1:] if line.startswith(_HINTS)]
    return "; ".join([lines[0].rstrip(".!") + where, *(f"{hint[0].lower()}{hint[1:]}" for hint in hints)]) + "."
