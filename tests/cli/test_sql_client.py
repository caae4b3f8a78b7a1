from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest

from facets_svc.analyst.rows import everything_in
from facets_svc.cli.sql_client import open_client
from facets_svc.errors import SettingsError
from facets_svc.lake import FolderLake
from tests.catalogues import model, publish
from tests.cli.conftest import Run

COLOUR_ASKED = b"\x1b]11;?"
BLACK = b"\x1b]11;rgb:0000/0000/0000\x07\x1b[?62c"
"""DuckDB asks a terminal for its background, and waits five seconds for the answer."""

PROMPT = b" D "
SCRIPTS = Path(sysconfig.get_path("scripts"))

RUN_CELLS = """
import json, pathlib, sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
for cell in json.loads(pathlib.Path(sys.argv[1]).read_text())["cells"]:
    if cell["cell_type"] == "code":
        shell.run_cell("".join(cell["source"])).raise_error()
"""


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake of two snapshots: of two models, then of three."""
    for number in (2, 3):
        publish([model(one, license="mit", parameters=10**one) for one in range(number)], tmp_path)
    return tmp_path / "lake"


def at_a_terminal(*arguments: str | Path, typed: str) -> tuple[int, str]:
    """Run `facets-svc` at a terminal of its own, type at DuckDB's prompt, and return the exit code and the output."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(  # noqa: S603 - this interpreter
        [sys.executable, "-m", "facets_svc", *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "PATH": "", "TERM": "dumb"},
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = b""
        answers = {COLOUR_ASKED: BLACK, PROMPT: typed.encode()}
        try:
            while select.select([ours], [], [], 60)[0] and (part := os.read(ours, 4096)):
                shown += part
                for asked in [one for one in answers if one in shown]:
                    os.write(ours, answers.pop(asked))
        except OSError:  # how Linux tells that nobody has the terminal any more
            pass
        os.close(ours)  # ends whatever runs there still
    return process.returncode, shown.decode()


@pytest.mark.skipif(not (SCRIPTS / "duckdb").exists(), reason="DuckDB's command line is not installed")
def test_without_sql_duckdbs_command_line_has_the_tables_and_may_not_write(lake: Path) -> None:
    typed = (
        ".mode csv\nSELECT 'models', count(*), (SELECT count(*) FROM models_at('first')) FROM models;\n"
        "SELECT 'zone', current_setting('TimeZone');\nCREATE TABLE mine (a INTEGER);\n.exit\n"
    )

    code, shown = at_a_terminal("sql", "--lake", lake, typed=typed)

    assert code in {0, 1}, shown  # 1: a statement failed
    assert f"Snapshot {FolderLake(lake).current()}: 3 models of 1 orgs, read-only." in shown
    assert "models,3,2" in shown
    assert "zone,UTC" in shown
    assert "read-only mode" in shown


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("facets_svc.cli.sql_client.sysconfig.get_path", lambda _: "")


@pytest.mark.usefixtures("nothing_installed")
def test_harlequin_is_opened_where_duckdbs_command_line_is_not_installed(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    harlequin = tmp_path / "harlequin"
    harlequin.write_text(
        f"#!{sys.executable}\nimport sys, duckdb\n"  # noqa: S608 - a program of ours
        "with duckdb.connect(sys.argv[2], read_only=True) as connection:\n"
        "    print(sys.argv[1], connection.sql('SELECT count(*) FROM models').fetchall())\n"
        "sys.exit(3)\n",
        encoding="utf-8",
    )
    harlequin.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    code = open_client(everything_in(FolderLake(lake)))

    assert (code, capfd.readouterr().out) == (3, "--read-only [(3,)]\n")


@pytest.mark.usefixtures("nothing_installed")
def test_without_a_client_the_error_says_what_to_install(lake: Path) -> None:
    with pytest.raises(SettingsError, match=r"pip install duckdb-cli.* or Harlequin .*pip install harlequin"):
        open_client(everything_in(FolderLake(lake)))


def test_a_notebook_is_written_with_its_database_and_every_cell_runs(run: Run, lake: Path, tmp_path: Path) -> None:
    path = tmp_path / "my notes.ipynb"

    written = run("sql", "--notebook", path, "--lake", lake)
    again = run("sql", "--notebook", path, "--lake", lake)
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-W", "error", "-c", RUN_CELLS, path.name],
        cwd=tmp_path,
        env={**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (written.exit_code, written.stderr) == (0, "")
    assert written.stdout == f"Wrote {path} and {tmp_path / 'my notes.duckdb'}. To open it: jupyter lab {path}\n"
    assert (again.exit_code, again.stderr) == (2, f"{path} exists. Choose another name, or remove it.\n")
    nbformat.validate(json.loads(path.read_text(encoding="utf-8")))
    assert (done.returncode, done.stderr) == (0, "")
    answers = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if "│" in line]
    assert ["mit", "3", "█" * 30] in answers
    assert answers[-6:-3] == [[str(10**power), "1", "█" * 30] for power in range(3)]
    assert answers[-1] == ["3", "2"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("notes.txt", "is no name for a notebook. Choose one that ends with .ipynb."),
        ("none/notes.ipynb", "cannot be written: No such file or directory."),
    ],
)
def test_a_notebook_that_cannot_be_written_is_an_error(
    run: Run, lake: Path, tmp_path: Path, name: str, message: str
) -> None:
    result = run("sql", "--notebook", tmp_path / name, "--lake", lake)

    assert (result.exit_code, result.stderr) == (2, f"{tmp_path / name} {message}\n")
