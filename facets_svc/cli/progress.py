"""Progress on stderr: bars on a terminal, otherwise a line of JSON per stage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TextIO

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from facets_svc import tracing
from facets_svc.sync.progress import Advance, Progress


class BarProgress:
    """Shows each stage as a bar on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """Show a bar for the block, which stays when the stage is done."""
        columns = (
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(show_speed=False),
            TimeElapsedColumn(),
        )
        with RichProgress(*columns, console=self._console) as bars:
            task = bars.add_task(f"{name:<16}", total=total)

            def advance(units: int) -> None:
                bars.advance(task, units)

            yield advance
            done = bars.tasks[0].completed
            # The total was an estimate: the bar must end full.
            bars.update(task, total=done or 1, completed=done or 1)


class LineProgress:
    """Writes a line for each stage when it ends, as JSON like the log of the service."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """Measure the time of the block, and write its line."""
        started = time.monotonic()
        done = 0
        outcome = "failed after"

        def advance(units: int) -> None:
            nonlocal done
            done += units

        try:
            yield advance
            outcome = "done in"
        finally:
            seconds = time.monotonic() - started
            line = {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "level": "info" if outcome == "done in" else "error",
                "logger": "facets_svc.sync",
                "message": f"{name}: {outcome} {seconds:.1f} s",
                "stage": name,
                "seconds": round(seconds, 3),
                "units": done,
                "total": total,
            }
            click.echo(msgspec.json.encode(line).decode(), file=self._stream)


class TracedProgress:
    """Adds a span for each stage to another progress."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """Trace the block, and show its stage."""
        with tracing.span(name), self._shown.stage(name, total) as advance:
            yield advance


@contextmanager
def tracing_if(*, enabled: bool) -> Iterator[None]:
    """Send the traces of the block if `enabled`. Raises `SettingsError` without the extra `otel`."""
    if enabled:
        tracing.start()
    try:
        yield
    finally:
        if enabled:
            tracing.stop()


def progress_on(stream: TextIO) -> Progress:
    """Return the progress for `stream`: bars if it is a terminal that can draw them, else lines."""
    console = Console(file=stream)
    return BarProgress(console) if console.is_terminal and not console.is_dumb_terminal else LineProgress(stream)
