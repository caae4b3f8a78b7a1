"""Answers one query in its confined process: judges, runs and encodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import duckdb

from facets_svc import duck
from facets_svc.analyst import cookbook
from facets_svc.analyst.definitions import bare_definitions
from facets_svc.analyst.rows import History, SnapshotRows
from facets_svc.analyst.running import run
from facets_svc.analyst.tables import described
from facets_svc.errors import QueryError
from facets_svc.sandbox.judge import Judged, judge
from facets_svc.sandbox.messages import Files, Outcome, Task
from facets_svc.sandbox.spool import spool

_SHARE: Final = 0.6
"""The share of the memory that is DuckDB's limit; the rest is for memory that DuckDB does not count, and the answer."""

_PUBLIC: Final = {
    "binder",
    "catalog",
    "constraint",
    "conversion",
    "decimal",
    "dividebyzero",
    "expression",
    "invalidinput",
    "invalidtype",
    "mismatchtype",
    "notimplemented",
    "outofrange",
    "parameternotallowed",
    "parameternotresolved",
    "parser",
    "syntax",
}
"""The kinds of errors that are about the statement or the rows, so that the client gets their message.

In lower case and without spaces: some are DuckDB's names, and some the names of Python classes.
"""

_TOO_LARGE: Final = "The query needs more memory than it may use. Reduce the rows or columns that it reads."


class Wanting(Exception):
    """The rows of earlier snapshots, which the query needs, are not extracted yet."""

    def __init__(self, *snapshot_ids: str) -> None:
        """Keep the ids of these snapshots."""
        super().__init__(", ".join(snapshot_ids))
        self.snapshot_ids = snapshot_ids


def answer(task: Task) -> tuple[Outcome, bytes]:
    """Return the outcome of `task`, and the encoded answer, empty if there is none. Raises nothing."""
    try:
        return _answered(task)
    except Wanting as wanting:
        return Outcome(kind="wanting", snapshots=wanting.snapshot_ids), b""
    except _ParameterError as error:
        return Outcome(kind="wrong", message=str(error), parameter=error.name), b""
    except QueryError as error:
        return _of_query_error(error, task), b""
    except MemoryError:
        return Outcome(kind="wrong", message=_TOO_LARGE), b""
    except Exception as error:  # noqa: BLE001 - the service logs every error
        return Outcome(kind="failed", message=f"{type(error).__name__}: {error}"[:1000]), b""


class _ParameterError(QueryError):
    """A parameter is missing or unknown."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


def _of_query_error(error: QueryError, task: Task) -> Outcome:
    message = str(error)
    kind = None if error.kind is None else error.kind.replace(" ", "").lower()
    if kind == "outofmemory":
        return Outcome(kind="wrong", message=_TOO_LARGE)
    folders = {file.rpartition("/")[0] for files in task.snapshots for file in files.files}
    if (kind is not None and kind not in _PUBLIC) or any(folder in message for folder in folders):
        return Outcome(kind="failed", message=message[:1000])
    return Outcome(kind="wrong", message=message, line=error.line, column=error.column)


def _answered(task: Task) -> tuple[Outcome, bytes]:
    with duck.connect(
        threads=1,
        memory_limit=f"{int(task.limits.memory_bytes * _SHARE)}B",
        only=[file for files in task.snapshots for file in files.files],
        settings=duck.ERRORS_WITH_POSITION,
    ) as connection:
        judged, parameters = _judged(connection, task)
        history = _history(task.snapshots)
        if "snapshots" in judged.reads:
            _require(*(files.snapshot_id for files in task.snapshots if not files.are_there))
        for statement in bare_definitions(history, judged.reads):
            connection.execute(statement)
        try:
            found = run(connection, judged.piece, parameters, whole=_text(task))
            if found is None:
                raise QueryError("Only SELECT is allowed here.")
            spooled = spool(found, task.form, task.limits)
        except QueryError as error:
            _require(*(files.snapshot_id for files in task.snapshots if _is_missing(files, str(error))))
            raise
    return Outcome(kind="answered", rows=spooled.rows, truncated=spooled.truncated), spooled.content


def _judged(connection: duckdb.DuckDBPyConnection, task: Task) -> tuple[Judged, Mapping[str, Any]]:
    if task.name is not None:
        named = cookbook.named(task.name)
        return judge(connection, named.text), named.bind(task.parameters)
    judged = judge(connection, _text(task))
    for name in sorted(judged.parameters - task.parameters.keys()):
        raise _ParameterError(f"The query needs a value for the parameter ${name}.", name)
    for name in sorted(task.parameters.keys() - judged.parameters):
        raise _ParameterError(f"The query has no parameter ${name[:60]}.", name)
    return judged, task.parameters


def _text(task: Task) -> str:
    if task.name is not None:
        return cookbook.named(task.name).text
    query = task.query or ""
    return described(query) or query


def _history(snapshots: tuple[Files, ...]) -> History:
    current = snapshots[-1].snapshot_id
    rows = tuple(
        SnapshotRows(
            snapshot_id=files.snapshot_id,
            created_at=files.created_at,
            files=files.files,
            models=files.models,
            public_models=files.public_models,
            orgs=files.orgs,
        )
        for files in snapshots
    )
    return History(snapshots=rows, shown=current, current=current)


def _is_missing(files: Files, said: str) -> bool:
    return not files.are_there and any(file in said for file in files.files)


def _require(*snapshot_ids: str) -> None:
    if snapshot_ids:
        raise Wanting(*snapshot_ids)
