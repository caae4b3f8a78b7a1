"""What docs/analysts.md shows is what comes out."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from facets_svc.analyst.database import write_database
from facets_svc.analyst.rows import everything_in
from facets_svc.cli import main
from facets_svc.lake import FolderLake

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "analysts.md").read_text(encoding="utf-8")
AT_HOME = re.sub(r"^## Over HTTP$.*?(?=^## )", "", DOCUMENT, flags=re.DOTALL | re.MULTILINE)
"""What is asked over HTTP is asked of a server by tests/web/test_sql_served.py."""

SHOWN = re.findall(r"```(sh|python)\n((?:(?!```).)*)```\n\n```text\n(.*?)```", AT_HOME, re.DOTALL)
PYTHON = [(text, answer) for language, text, answer in SHOWN if language == "python"]
COMMANDS = [(text, answer) for language, text, answer in SHOWN if language == "sh"]


@pytest.fixture(scope="module")
def folder(sample_lake: FolderLake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the document supposes it: the lake in data/lake, the database file beside it."""
    folder = tmp_path_factory.mktemp("document")
    (folder / "data").mkdir()
    (folder / "data" / "lake").symlink_to(sample_lake.root)
    write_database(folder / "facets.duckdb", everything_in(sample_lake))
    return folder


def test_the_document_asks_in_every_way() -> None:
    assert len(PYTHON) == AT_HOME.count("```python") == 4
    assert len(COMMANDS) == 2


@pytest.mark.parametrize(("text", "answer"), PYTHON, ids=["duckdb", "polars", "pandas", "notebook"])
def test_the_python_of_the_document_prints_what_it_shows(text: str, answer: str, folder: Path) -> None:
    done = subprocess.run(  # noqa: S603 - the document's own
        [sys.executable, "-W", "error", "-c", text], cwd=folder, capture_output=True, text=True, check=False
    )

    assert (done.stderr, done.stdout) == ("", answer)


@pytest.mark.parametrize(("text", "answer"), COMMANDS, ids=["once", "markdown"])
def test_the_commands_of_the_document_print_what_it_shows(text: str, answer: str, sample_lake: FolderLake) -> None:
    command, *arguments = shlex.split(text)
    result = CliRunner().invoke(main, arguments, env={"FACETS_LAKE": str(sample_lake.root)})

    assert command == "facets-svc"
    assert (result.stderr, result.stdout) == ("", answer)
