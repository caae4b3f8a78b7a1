"""Opens the tables in DuckDB's command line, Harlequin or a notebook."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sysconfig
import tempfile
from importlib import resources
from pathlib import Path
from typing import Final

import click

from facets_svc.analyst import database
from facets_svc.analyst.rows import History
from facets_svc.errors import SettingsError

CLIENTS: Final = {
    "duckdb": ("-readonly", "-cmd", "SET TimeZone = 'UTC'"),
    "harlequin": ("--read-only",),
}
"""The clients in order of preference, with the arguments that open a database file read-only."""

_NONE_INSTALLED: Final = (
    "No SQL client is installed. Install DuckDB's command line (pip install duckdb-cli) or Harlequin "
    '(pip install harlequin), or pass a statement: facets-svc sql "SELECT count(*) FROM models".'
)
_NOTEBOOK_DATABASE: Final = "facets.duckdb"


def open_client(history: History) -> int:
    """Run a client on a read-only database file with the tables, and return its exit code.

    Raises `SettingsError` if no client is installed.
    """
    program = _installed()
    if not history.lasts:
        history = dataclasses.replace(history, snapshots=(history.present,), lasts=True)
        click.echo(
            "The lake is in a bucket: this session has one snapshot only. For earlier ones, pass a statement: "
            "facets-svc sql \"… FROM models_at('previous')\".",
            err=True,
        )
    present = history.present
    click.echo(
        f"Snapshot {present.snapshot_id}: {present.models:,} models of {present.orgs:,} orgs, read-only. "
        "`facets-svc sql --queries` lists the named queries.",
        err=True,
    )
    with tempfile.TemporaryDirectory(prefix="facets-sql-") as folder:
        path = Path(folder) / _NOTEBOOK_DATABASE
        database.write_database(path, history)
        # Ctrl-C is for the client, which also receives it. Unlike SIG_IGN, a handler is not inherited.
        before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
        try:
            command = [program, *CLIENTS[Path(program).name], str(path)]
            return subprocess.run(command, check=False).returncode  # noqa: S603 - found in PATH
        finally:
            signal.signal(signal.SIGINT, before)


def _installed() -> str:
    """Return the path of the first installed client, in PATH or beside this Python. Raises `SettingsError`."""
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), sysconfig.get_path("scripts")])
    for name in CLIENTS:
        if found := shutil.which(name, path=folders):
            return found
    raise SettingsError(_NONE_INSTALLED)


def write_notebook(path: Path, history: History) -> Path:
    """Write a notebook to `path`, and beside it the database file that it opens; return the path of that file.

    Raises `SettingsError` if `path` cannot be written, and if it exists: a notebook may contain work.
    """
    if path.suffix != ".ipynb":
        raise SettingsError(f"{path} is no name for a notebook. Choose one that ends with .ipynb.")
    beside = path.with_suffix(".duckdb")
    text = _template().replace(_NOTEBOOK_DATABASE, json.dumps(beside.name)[1:-1])
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise SettingsError(f"{path} exists. Choose another name, or remove it.") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror or error}.") from None
    try:
        database.write_database(beside, history)
    except SettingsError:
        path.unlink()
        raise
    return beside


def _template() -> str:
    """Return the text of `docs/catalogue.ipynb`, from the wheel or from a checkout."""
    packaged = resources.files("facets_svc") / "_data" / "catalogue.ipynb"
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).resolve().parents[2] / "docs" / "catalogue.ipynb").read_text(encoding="utf-8")
