"""The SQL prompt: an interactive session over the tables."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import duckdb
from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.filters import has_completions
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.styles import Style
from pygments.lexers.sql import SqlLexer
from rich.console import Console
from rich.text import Text

from facets_svc.analyst import rows, statements
from facets_svc.analyst.cookbook import cookbook, named
from facets_svc.analyst.parameters import assigned
from facets_svc.analyst.running import parameters_of, run
from facets_svc.analyst.statements import Piece
from facets_svc.analyst.tables import tables
from facets_svc.cli import sql_texts
from facets_svc.cli.sql_completion import SqlCompleter
from facets_svc.cli.sql_table import Page, page_of, show
from facets_svc.cli.sql_waiting import waited_for
from facets_svc.errors import LakeError, QueryError, QueryInterrupted

_PROMPT: Final = "facets> "
_HELP: Final = """\
End a statement with ; to run it. Tab completes, the arrow keys walk through what was run before.
Ctrl-C cancels the running query or the line, Ctrl-D leaves.

  .tables                    the tables, with what their rows are
  .schema [TABLE]            the columns of every table, or of one
  .queries                   the named queries of the cookbook
  .query NAME [name=value …] run one; .query NAME ? tells how to read it
  .rows N                    how many rows are shown at most (all: every one)
  .timing                    show how long each query takes, or stop it
  .help                      this
  .quit                      leave"""

_STYLE: Final = Style.from_dict(
    {
        "prompt": "ansicyan bold",
        "auto-suggestion": "ansibrightblack",
        "pygments.keyword": "ansiblue bold",
        "pygments.literal.string": "ansigreen",
        "pygments.literal.string.single": "ansigreen",
        "pygments.literal.number": "ansimagenta",
        "pygments.comment": "ansibrightblack italic",
        "bottom-toolbar": "noreverse ansibrightblack",
    }
)


class Quit(Exception):
    """The session is over."""


class SqlPrompt:
    """Reads statements and commands and shows what comes of them, until the user leaves."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, history: rows.History, console: Console) -> None:
        self._connection = connection
        self._history = history
        self._console = console
        self._max_rows: int | None = 40
        self._timing = True
        self._commands: Mapping[str, Callable[[str], None]] = {
            ".exit": self._quit,
            ".help": lambda _: console.print(Text(_HELP)),
            ".queries": lambda _: sql_texts.show_queries(cookbook(), console),
            ".query": self._query,
            ".quit": self._quit,
            ".rows": self._rows,
            ".schema": self._schema,
            ".tables": lambda _: sql_texts.show_tables(tables(), console),
            ".timing": self._time,
        }

    def run(self) -> None:
        """Talk until the user leaves."""
        session = self._session()
        present = self._history.present
        self._console.print(
            Text(f"Snapshot {present.snapshot_id}: {present.models:,} models of {present.orgs:,} orgs.  .help helps.")
        )
        while True:
            try:
                text = session.prompt([("class:prompt", _PROMPT)])
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            try:
                self.carry_out(text)
            except Quit:
                return

    def carry_out(self, text: str) -> None:
        """Carry out one input, statements or a command; what goes wrong is shown. Raises `Quit`."""
        try:
            if text.strip().startswith("."):
                self._command(text.strip().rstrip(";"))
                return
            for piece in statements.split(text):
                self._ask(piece, {}, text)
        except QueryError as error:
            self._fail(str(error), text, error)
        except (QueryInterrupted, LakeError) as error:
            self._fail(str(error))

    def _command(self, text: str) -> None:
        name, _, rest = text.partition(" ")
        command = self._commands.get(name)
        if command is None:
            self._fail(f"There is no command {name}; .help lists those there are.")
        else:
            command(rest.strip())

    def _ask(self, piece: Piece, values: Mapping[str, object], whole: str | None) -> None:
        missing = parameters_of(self._connection, piece, whole=whole) - values.keys() if "$" in piece.text else set()
        if missing:
            raise QueryError(f"Nothing was given for ${min(missing)}; at the prompt a value is written out.")
        started = time.monotonic()
        page = waited_for(self._connection, lambda: self._page(piece, values, whole), bar_on=self._console)
        seconds = time.monotonic() - started
        if page is not None:
            show(page, self._console)
        if self._timing:
            self._console.print(Text(f"{seconds:.3f} s", style="dim"))

    def _page(self, piece: Piece, values: Mapping[str, object], whole: str | None) -> Page | None:
        answer = run(self._connection, piece, values, whole=whole, fetch=self._history.fetch)
        return None if answer is None else page_of(answer, max_rows=self._max_rows)

    def _query(self, rest: str) -> None:
        name, *assignments = rest.split() or [""]
        if not name:
            self._fail("Which one? .queries lists them.")
            return
        query = named(name)
        if assignments == ["?"]:
            sql_texts.show_query(query, self._console)
            return
        values = query.bind({key: text for key, (_, text) in assigned(assignments).items()})
        self._ask(Piece(query.text, 0, ended=True), values, None)

    def _schema(self, rest: str) -> None:
        known = {table.name: table for table in tables()}
        if rest and rest not in known:
            self._fail(f"There is no table {rest}; there are {', '.join(known)}.")
            return
        for table in [known[rest]] if rest else known.values():
            sql_texts.show_schema(table, self._console)

    def _rows(self, rest: str) -> None:
        if rest == "all":
            self._max_rows = None
        elif rest.isdecimal() and int(rest) > 0:
            self._max_rows = int(rest)
        else:
            self._fail("How many? .rows 100, or .rows all.")

    def _time(self, _: str) -> None:
        self._timing = not self._timing
        self._console.print(Text(f"Timing is {'on' if self._timing else 'off'}.", style="dim"))

    def _quit(self, _: str) -> None:
        raise Quit

    def _fail(self, message: str, text: str = "", error: QueryError | None = None) -> None:
        self._console.print(Text(message, style="red"), soft_wrap=True)
        if error is not None and error.line is not None and error.column is not None and "\n" in text.strip():
            line = text.splitlines()[error.line - 1]
            start = max(0, error.column - 1 - self._console.width // 2)
            shown = line[start : start + self._console.width - 4]
            self._console.print(Text(f"  {shown}", style="dim"), soft_wrap=True)
            self._console.print(Text(f"  {' ' * (error.column - 1 - start)}^", style="red"))

    def _session(self) -> PromptSession[str]:
        return PromptSession(
            history=_kept_history(),
            completer=SqlCompleter(self._connection, self._commands),
            complete_while_typing=False,
            auto_suggest=AutoSuggestFromHistory(),
            lexer=PygmentsLexer(SqlLexer),
            multiline=True,
            prompt_continuation=lambda width, _line, wrapped: " " * width if wrapped else " " * (width - 2) + "> ",
            key_bindings=_keys(),
            style=_STYLE,
            include_default_pygments_style=False,
        )


def is_whole(text: str) -> bool:
    """Tell whether Enter runs `text`: a command, a statement that is ended, or nothing at all."""
    return text.lstrip().startswith(".") or statements.is_complete(text)


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter", filter=~has_completions)
    def _(event: KeyPressEvent) -> None:
        if is_whole(event.current_buffer.text):
            event.current_buffer.validate_and_handle()
        else:
            event.current_buffer.newline(copy_margin=True)

    @keys.add("enter", filter=has_completions)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None

    return keys


def _kept_history() -> History:
    """Return the history in the user's state folder, readable by nobody else; in memory where it cannot be kept."""
    state = os.environ.get("XDG_STATE_HOME", "")
    folder = (Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state") / "facets-svc"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "sql_history"
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)
