"""Waits for a query: a bar when it takes long, and Ctrl-C ends the query instead of the command."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, TypeVar

import duckdb
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from facets_svc.cli.exits import INTERRUPTED

_BAR_AFTER_SECONDS: Final = 1.0
_LOOK_EVERY_SECONDS: Final = 0.1
_STUBBORN_AFTER_SECONDS: Final = 3.0

T = TypeVar("T")


def waited_for(connection: duckdb.DuckDBPyConnection, work: Callable[[], T], *, bar_on: Console | None) -> T:
    """Return what `work`, which asks `connection`, returns; raise what it raises.

    It runs in a thread of its own, so that this one hears of Ctrl-C: the query is then interrupted, and `work` raises
    `QueryInterrupted`. Some functions of DuckDB do not hear of an interruption: a second Ctrl-C ends the process.
    """
    done: Future[T] = Future()

    def carry_out() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again, by whoever waits
            done.set_exception(error)

    threading.Thread(target=carry_out, name="facets-sql", daemon=True).start()
    try:
        _wait(done, connection, bar_on)
    except KeyboardInterrupt:
        connection.interrupt()
        _wait_for_the_end(done)
    return done.result()


def _wait(done: Future[T], connection: duckdb.DuckDBPyConnection, bar_on: Console | None) -> None:
    started = time.monotonic()
    while not _is_done(done, _LOOK_EVERY_SECONDS):
        if bar_on is not None and time.monotonic() - started > _BAR_AFTER_SECONDS:
            _show(done, connection, bar_on)
            return


def _show(done: Future[T], connection: duckdb.DuckDBPyConnection, console: Console) -> None:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]Ctrl-C cancels[/dim]"),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("query", total=None)
        while not _is_done(done, _LOOK_EVERY_SECONDS):
            percent = connection.query_progress()
            if percent >= 0:  # DuckDB does not know it of every plan
                bars.update(task, total=100, completed=percent)


def _wait_for_the_end(done: Future[T]) -> None:
    """Wait until the interrupted query has ended; another Ctrl-C ends the process, whatever the query does."""
    try:
        if not _is_done(done, _STUBBORN_AFTER_SECONDS):
            print("The query does not stop yet; Ctrl-C again leaves at once.", file=sys.stderr)  # noqa: T201
            while not _is_done(done, 1.0):
                pass
    except KeyboardInterrupt:
        # DuckDB's thread cannot be ended otherwise, and would be waited for.
        sys.stdout.flush()
        os._exit(INTERRUPTED)


def _is_done(done: Future[T], seconds: float) -> bool:
    """Wait at most `seconds`, and tell whether it is done, without raising what it raised."""
    try:
        done.exception(seconds)
    except TimeoutError:
        return done.done()
    return True
