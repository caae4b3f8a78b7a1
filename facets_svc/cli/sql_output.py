"""Runs statements and writes their answers, as tables or in a format of `facets_svc.analyst.formats`."""

from __future__ import annotations

import io
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

import click
import duckdb
import pyarrow as pa
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from facets_svc.analyst import formats
from facets_svc.analyst.formats import is_number, rows_of
from facets_svc.analyst.rows import History
from facets_svc.analyst.running import Answer, Column, run
from facets_svc.analyst.statements import Piece
from facets_svc.analyst.texts import on_one_line, text_of
from facets_svc.cli.exits import INTERRUPTED
from facets_svc.errors import QueryError, QueryInterrupted, SettingsError

TABLE: Final = "table"
_TABLE_ENDINGS: Final = (".txt",)

RunStatement = Callable[[], Answer | None]

ROWS_ON_A_TERMINAL: Final = 100
ROWS_COUNTED: Final = 1_000_000
"""Rows beyond the shown ones that are counted, at most."""

_NARROWEST: Final = 14
"""The smallest width of a shortened text. Numbers and times are never shortened: they would be wrong values."""

_WIDEST_SHOWN: Final = 2_000
_FRAME: Final = 3  # a border and a space on each side of a cell
_NULL: Final = "NULL"
_SHORT_TYPES: Final = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ", "TIME WITH TIME ZONE": "TIMETZ"}


def format_for(name: str | None, output: Path | None) -> str:
    """Return the format to write: `name`, or else the format of the ending of `output`, or else a table.

    Raises `SettingsError` for an unknown ending, and for the ending of another format than `name`.
    """
    if output is None:
        return name or TABLE
    endings = {ending: format_.name for format_ in formats.FORMATS.values() for ending in format_.suffixes}
    endings |= dict.fromkeys(_TABLE_ENDINGS, TABLE)
    by_ending = endings.get(output.suffix.lower())
    if name is None and by_ending is None:
        raise SettingsError(
            f"The ending of {output} names no format. Pass --format, or use one of {', '.join(sorted(endings))}."
        )
    if name is not None and by_ending not in {None, name}:
        raise SettingsError(
            f"{output} is named for the format {by_ending}, but --format is {name}. Change one of them."
        )
    return name or by_ending or TABLE


@dataclass(frozen=True, slots=True)
class Output:
    """Writes answers to `output` (None: standard output), in the format `table` or one of `formats.FORMATS`."""

    connection: duckdb.DuckDBPyConnection
    history: History
    format: str
    output: Path | None

    def write(self, pieces: Sequence[tuple[Piece, Mapping[str, Any]]], whole: str | None) -> int:
        """Run the statements in order, write the answers, and return the number of rows of the last one.

        As tables, all answers are written; in other formats, only the last one. `whole` is the text that the
        statements are part of, for the positions of errors. Raises `QueryError`, `QueryInterrupted` or `SettingsError`.
        """
        if not pieces:
            raise QueryError("There is no SQL to run.")
        with _interruptible(self.connection):
            statements = [
                partial(run, self.connection, piece, values, whole=whole, fetch=self.history.fetch)
                for piece, values in pieces
            ]
            if self.format == TABLE:
                return self._write_tables(statements)
            return self._write_last(statements, formats.FORMATS[self.format])

    @property
    def _on_terminal(self) -> bool:
        return self.output is None and sys.stdout.isatty()

    def _write_tables(self, statements: Sequence[RunStatement]) -> int:
        fit = self._on_terminal
        cut, rows = False, 0
        with _opened(self.output) as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8", errors="replace", write_through=True)
            try:
                console = Console() if fit else Console(file=text, width=1_000_000, color_system=None)
                for run_statement in statements:
                    page = page_of(run_statement(), max_rows=ROWS_ON_A_TERMINAL if fit else None)
                    if page is not None:
                        show(page, console, fit=fit)
                        cut, rows = cut or len(page.rows) < page.total, page.total
            finally:
                text.detach()
        if cut:
            click.echo("To write every row, pass --format csv or --output FILE.", err=True)
        return rows

    def _write_last(self, statements: Sequence[RunStatement], format_: formats.Format) -> int:
        if self._on_terminal and not format_.is_text:
            raise SettingsError(f"A terminal cannot show {format_.name}. Write it to a file with --output FILE.")
        for run_statement in statements[:-1]:
            run_statement()  # its rows are discarded: the connection must be free for the next statement
        answer = statements[-1]()
        if answer is None:
            raise QueryError("The last statement returns no rows to write.")
        with _opened(self.output) as stream:
            return formats.write(answer, format_, stream).rows


@contextmanager
def _interruptible(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Interrupt the statement of the block on Ctrl-C. Raises `QueryInterrupted`.

    Python runs signal handlers only after DuckDB has returned: therefore a thread watches for the signal. Some
    functions of DuckDB ignore interruptions: a second Ctrl-C ends the process.
    """
    interrupted = threading.Event()
    reader, writer = socket.socketpair()

    def watch() -> None:
        while number := reader.recv(1):
            if number[0] == signal.SIGINT:
                if interrupted.is_set():
                    os._exit(INTERRUPTED)
                interrupted.set()
                connection.interrupt()

    writer.settimeout(0)
    before = signal.set_wakeup_fd(writer.fileno())
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    except BaseException:
        if interrupted.is_set():
            raise QueryInterrupted("The query was interrupted.") from None
        raise
    finally:
        signal.set_wakeup_fd(before)
        writer.close()
        watcher.join()
        reader.close()


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    """Open `output` (None: standard output) for writing. A file is replaced only when all of it is written."""
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


@dataclass(slots=True)
class Page:
    """The shown rows of an answer, and the total number of rows (at least, if `more` is true).

    `numbers` is true for columns that are aligned to the right, `texts` for those that may be shortened.
    """

    columns: tuple[Column, ...]
    numbers: tuple[bool, ...]
    texts: tuple[bool, ...]
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    total: int = 0
    more: bool = False


def page_of(answer: Answer | None, *, max_rows: int | None) -> Page | None:
    """Return the first `max_rows` rows of `answer` (None: all), and count the others. None without an answer."""
    if answer is None:
        return None
    types = [field_.type for field_ in answer.schema]
    texts = tuple(not (is_number(one) or pa.types.is_temporal(one) or pa.types.is_boolean(one)) for one in types)
    page = Page(answer.columns, tuple(is_number(one) for one in types), texts)
    for batch in answer.batches:
        room = batch.num_rows if max_rows is None else max(0, max_rows - len(page.rows))
        page.rows.extend(rows_of(batch.slice(0, room)))
        page.total += batch.num_rows
        if max_rows is not None and page.total > max_rows + ROWS_COUNTED:
            page.more = True
            break
    return page


def show(page: Page, console: Console, *, fit: bool = True) -> None:
    """Print `page` as a table, and a line with the number of rows.

    With `fit`, texts are shortened and then columns in the middle left out, until the table is as wide as the console.
    """
    cells = [[_shown(value, fit=fit) for value in row] for row in page.rows]
    types = [_SHORT_TYPES.get(column.type, column.type) for column in page.columns]
    widths = [
        max([cell_len(column.name), min(11, cell_len(types[at])), *(cell_len(row[at] or _NULL) for row in cells)])
        for at, column in enumerate(page.columns)
    ]
    least = [min(width, _NARROWEST) if text else width for width, text in zip(widths, page.texts, strict=True)]
    places = list(range(len(widths)))
    while fit and len(places) > 3 and _table_width(places, least, len(widths)) > console.width:
        del places[len(places) // 2]
    table = Table(box=box.ROUNDED, header_style="bold", border_style="dim")
    gap = (len(places) + 1) // 2 if len(places) < len(widths) else None
    for number, place in enumerate(places):
        if number == gap:
            table.add_column("…", no_wrap=True)
        header = Text.assemble(page.columns[place].name, "\n", (types[place], "not bold dim"), **_ON_ONE_LINE)
        shrinks = fit and page.texts[place]
        justify: Any = "right" if page.numbers[place] else "left"
        table.add_column(header, justify=justify, no_wrap=not shrinks, max_width=None if shrinks else widths[place])
    for row in cells:
        shown = [Text(_NULL, "dim italic") if row[at] is None else Text(row[at] or "", **_ON_ONE_LINE) for at in places]
        if gap is not None:
            shown.insert(gap, Text("…", "dim"))
        table.add_row(*shown)
    narrowest = _table_width(places, least, len(widths))
    if narrowest > console.width:
        table.width = narrowest  # may be wider than the console: a truncated number would look like another number
    console.print(table, crop=False, soft_wrap=not fit)
    console.print(Text(_summary(page, len(places)), style="dim"))


_ON_ONE_LINE: Final[Mapping[str, Any]] = {"no_wrap": True, "overflow": "ellipsis"}


def _table_width(places: Sequence[int], widths: Sequence[int], columns: int) -> int:
    gap = 1 + _FRAME if len(places) < columns else 0
    return 1 + gap + sum(widths[place] + _FRAME for place in places)


def _shown(value: Any, *, fit: bool) -> str | None:
    if value is None:
        return None
    text = text_of(value)
    return on_one_line(text[:_WIDEST_SHOWN] if fit else text)


def _summary(page: Page, columns: int) -> str:
    total = f"more than {page.total:,}" if page.more else f"{page.total:,}"
    rows = "row" if total == "1" else "rows"
    summary = f"{total} {rows}" if len(page.rows) == page.total else f"{len(page.rows):,} of {total} {rows}"
    if columns < len(page.columns):
        summary += f", {columns} of {len(page.columns)} columns"
    return summary
