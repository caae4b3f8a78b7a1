from __future__ import annotations

import io
import os
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console

from facets_svc.analyst import database
from facets_svc.analyst.rows import History
from facets_svc.cli.sql_completion import SqlCompleter
from facets_svc.cli.sql_prompt import SqlPrompt, is_whole
from tests.analyst.conftest import over

Talk = Callable[..., str]


@pytest.fixture
def history(tmp_path: Path) -> History:
    return over(
        tmp_path / "models.parquet",
        {"id": "1", "org": "acme", "name": "a", "tags": ["x"]},
        {"id": "2", "org": "acme", "name": "b", "is_public": False},
    )


@pytest.fixture
def connection(history: History) -> Iterator[duckdb.DuckDBPyConnection]:
    with database.session(history, threads=1) as opened:
        yield opened


@pytest.fixture
def talk(
    connection: duckdb.DuckDBPyConnection, history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Talk:
    """Type at the prompt, and return what it shows; it is left by Ctrl-D."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def talk(*keys: str) -> str:
        shown = io.StringIO()
        console = Console(file=shown, width=100, color_system=None)
        with create_pipe_input() as keyboard, create_app_session(input=keyboard, output=DummyOutput()):
            keyboard.send_text("".join(keys) + "\x04")
            SqlPrompt(connection, history, console).run()
        return shown.getvalue()

    return talk


def test_a_statement_may_take_many_lines_and_is_timed(talk: Talk) -> None:
    lines = talk("SELECT count(*) AS models\r", "FROM models;\r").splitlines()

    assert lines[0] == "Snapshot 20261124T020000Z-3f9c: 2 models of 1 orgs.  .help helps."
    assert lines[4:] == ["├────────┤", "│      2 │", "╰────────╯", "1 row", lines[-1]]
    assert lines[-1].endswith(" s")


def test_timing_can_be_left_out_and_rows_too(talk: Talk) -> None:
    lines = talk(
        ".timing\r", ".rows 1\r", "FROM orgs_at('first');\r", "SELECT id FROM models ORDER BY id;\r"
    ).splitlines()

    assert lines[1] == "Timing is off."
    assert (lines[8], lines[-1]) == ("1 row", "1 of 2 rows")


def test_an_error_says_where_and_the_session_goes_on(talk: Talk) -> None:
    lines = talk("SELECT 1 AS a,\r", " nope;\r", "SELECT 7 AS seven;\r").splitlines()

    assert lines[1].startswith('Binder error in line 2, column 2: Referenced column "nope"')
    assert lines[2:4] == ["   nope;", "   ^"]
    assert "│   seven │" in lines


def test_what_was_begun_is_dropped_by_ctrl_c_and_the_session_goes_on(talk: Talk) -> None:
    assert "│   seven │" in talk("SELECT nonsense\x03", "SELECT 7 AS seven;\r")


def test_commands_tell_what_there_is(talk: Talk) -> None:
    shown = talk(".tables\r", ".schema orgs\r", ".queries\r", ".query largest-orgs ?\r", ".help\r")

    assert "model_tags_at(…)    model_tags as of a snapshot" in shown
    assert "  public_models  BIGINT   How many of these are public." in shown
    assert "licence-compliance" in shown
    assert "  most  BIGINT = 20  how many orgs are listed" in shown
    assert ".timing" in shown


def test_a_named_query_runs_with_its_parameters(talk: Talk) -> None:
    assert "│ acme    │      2 │" in talk(".query largest-orgs most=1\r")


def test_what_is_no_command_is_told(talk: Talk) -> None:
    shown = talk(
        ".nope\r",
        ".schema nope\r",
        ".query\r",
        ".query nope\r",
        ".query largest-orgs x=1\r",
        ".rows 0\r",
        "SELECT $x;\r",
    )

    assert [line[:44] for line in shown.splitlines()[1:]] == [
        "There is no command .nope; .help lists those",
        "There is no table nope; there are models, mo",
        "Which one? .queries lists them.",
        "There is no query 'nope'; there are casing-t",
        "The query has no parameter x; there are most",
        "How many? .rows 100, or .rows all.",
        "Nothing was given for $x; at the prompt a va",
    ]


def test_quit_leaves(talk: Talk) -> None:
    assert talk(".quit\r", "SELECT 1;\r").count("\n") == 1


def test_what_was_asked_is_kept_for_the_next_time_and_for_nobody_else(talk: Talk, tmp_path: Path) -> None:
    talk("SELECT 7 AS seven;\r")
    path = tmp_path / "state" / "facets-svc" / "sql_history"

    assert "+SELECT 7 AS seven;" in path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert talk("\x1b[A\r").count("│   seven │") == 1


def test_ctrl_c_cancels_the_running_query_and_the_session_goes_on(talk: Talk) -> None:
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        shown = talk(
            "SELECT count(*) FROM range(100000000000) AS t(i) WHERE hash(i) % 7 = 1;\r", "SELECT 7 AS seven;\r"
        )
    finally:
        timer.cancel()
        timer.join()

    assert shown.splitlines()[1] == "The query was interrupted."
    assert "│   seven │" in shown


@pytest.mark.parametrize(
    ("text", "whole"),
    [("", True), (".help", True), ("SELECT 1;", True), ("SELECT ';", False), ("SELECT 1; SELECT", False)],
)
def test_enter_runs_what_is_whole(text: str, whole: bool) -> None:
    assert is_whole(text) is whole


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("SELECT * FROM mo", ["models", "model_tags", "model_tasks", "models_at('"]),
        ("SELECT li", ["license", "list("]),
        ("SELECT m. FROM model_tags AS m", ["id", "org", "is_public", "tag"]),
        ("SELECT nobody.ta", ["tags", "task_categories", "tag", "task_category"]),
        ("sel", ["select"]),
        ("SEL", ["SELECT"]),
        ("SELECT * FROM orgs GR", ["GROUP BY", "greatest("]),
        (".sc", [".schema"]),
        (".schema model_ta", ["model_tags", "model_tasks"]),
        (".query lic", ["licence-by-framework", "licence-compliance"]),
        (".query licence-compliance a", ["allowed="]),
        (".query nope a", []),
    ],
)
def test_tab_completes_what_may_stand_there(connection: duckdb.DuckDBPyConnection, text: str, first: list[str]) -> None:
    completer = SqlCompleter(connection, [".schema", ".query"])
    cursor = text.index("m.") + 2 if text.startswith("SELECT m.") else len(text)

    found = [one.text for one in completer.get_completions(Document(text, cursor), CompleteEvent())]

    assert [one for one in found if one in first][: len(first)] == first
    assert found[0] == first[0] if first else not found
