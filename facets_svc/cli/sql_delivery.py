"""Runs statements that were given once, and writes their answers where they are wanted."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO

import click
import duckdb
from rich.console import Console

from facets_svc.analyst import formats
from facets_svc.analyst.formats import Format
from facets_svc.analyst.rows import History
from facets_svc.analyst.running import Answer, run
from facets_svc.analyst.statements import Piece
from facets_svc.cli.sql_table import Page, page_of, show
from facets_svc.cli.sql_waiting import waited_for
from facets_svc.errors import QueryError, SettingsError

TABLE: Final = "table"
ROWS_ON_A_TERMINAL: Final = 100

Ask = Callable[[], Answer | None]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where answers go, and in which format: `table`, or one of `facets_svc.analyst.formats`."""

    connection: duckdb.DuckDBPyConnection
    history: History
    format: str
    output: Path | None

    def deliver(self, pieces: Sequence[tuple[Piece, Mapping[str, Any]]], whole: str | None) -> None:
        """Run the statements in order; write every answer as a table, in another format the last one.

        `whole` is the text that they are of. Raises `QueryError` or `QueryInterrupted`.
        """
        if not pieces:
            raise QueryError("There is no SQL to run.")
        asks: list[Ask] = [partial(self._run, piece, values, whole) for piece, values in pieces]
        if self.format == TABLE:
            self._tables(asks)
        else:
            for ask in asks[:-1]:
                waited_for(self.connection, ask, bar_on=_bar())
            self._write(asks[-1], formats.FORMATS[self.format])

    def _run(self, piece: Piece, values: Mapping[str, Any], whole: str | None) -> Answer | None:
        return run(self.connection, piece, values, whole=whole, fetch=self.history.fetch)

    def _tables(self, asks: Sequence[Ask]) -> None:
        on_terminal = self.output is None and sys.stdout.isatty()

        def page(ask: Ask) -> Page | None:
            answer = ask()
            return None if answer is None else page_of(answer, max_rows=ROWS_ON_A_TERMINAL if on_terminal else None)

        with _opened(self.output) as stream, _text(stream) as file:
            console = Console() if on_terminal else Console(file=file, width=80, color_system=None)
            for ask in asks:
                shown = waited_for(self.connection, partial(page, ask), bar_on=_bar())
                if shown is not None:
                    show(shown, console, fit=on_terminal)
        if on_terminal and shown is not None and len(shown.rows) < shown.total:
            click.echo("--format csv, or --output FILE, writes every row.", err=True)

    def _write(self, ask: Ask, format_: Format) -> None:
        on_terminal = self.output is None and sys.stdout.isatty()
        if on_terminal and not format_.is_text:
            raise SettingsError(f"{format_.name} is not for terminals; --output FILE writes it to a file.")

        def write() -> None:
            answer = ask()
            if answer is None:
                raise QueryError("The last statement has no answer that could be written.")
            with _opened(self.output) as stream:
                formats.write(answer, format_, stream)

        waited_for(self.connection, write, bar_on=None if on_terminal else _bar())


def _bar() -> Console | None:
    console = Console(stderr=True)
    return console if console.is_terminal and not console.is_dumb_terminal else None


@contextmanager
def _text(stream: BinaryIO) -> Iterator[TextIO]:
    """Lend a text stream over `stream`, and leave that open."""
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="replace", write_through=True)
    try:
        yield text
    finally:
        text.detach()


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    """Open `output` (None: standard output) for writing; a file is only there once all of it is written."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    whole = not output.exists() or output.is_file()
    path = output.with_name(f".{output.name}.{os.getpid()}.tmp") if whole else output
    try:
        with path.open("wb") as file:
            yield file
        if whole:
            path.replace(output)
    except OSError as error:
        raise SettingsError(f"{output} cannot be written: {error.strerror or error}.") from None
    finally:
        if whole:
            path.unlink(missing_ok=True)
