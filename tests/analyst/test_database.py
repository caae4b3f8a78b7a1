from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from facets_svc.analyst.database import session, write_database
from facets_svc.analyst.definitions import MACROS, RELATIONS
from facets_svc.analyst.rows import History
from facets_svc.errors import QueryError, SettingsError
from tests.analyst.conftest import ask

DUCKDB_15 = Path(__file__).resolve().parents[2] / ".cache" / "duckdb-1.5"

COUNT = """
import duckdb, sys
path, *names = sys.argv[1:]
connection = duckdb.connect()
connection.execute("ATTACH '" + path.replace("'", "''") + "' AS facets (READ_ONLY)")
counts = [connection.execute(f"SELECT count(*) FROM facets.{name}").fetchall()[0][0] for name in names]
print(duckdb.__version__, counts)
"""

NAMES = [*RELATIONS, *(f"{name}('first')" for name in MACROS)]


def counts(connection: duckdb.DuckDBPyConnection) -> list[int]:
    return [ask(connection, f"SELECT count(*) FROM {name}")[0][0] for name in NAMES]  # noqa: S608


@pytest.mark.parametrize("line", ["this", "1.5"])
def test_a_database_file_has_the_tables_for_clients_of_either_line(
    connection: duckdb.DuckDBPyConnection, history: History, tmp_path: Path, line: str
) -> None:
    if line == "1.5" and not DUCKDB_15.is_dir():
        pytest.skip("DuckDB 1.5 is not installed in .cache; `make test` installs it")
    path = tmp_path / "it's.duckdb"
    write_database(path, history)

    told = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", COUNT, str(path), *NAMES],
        env={"PYTHONPATH": str(DUCKDB_15) if line == "1.5" else os.environ.get("PYTHONPATH", "")},
        capture_output=True,
        text=True,
        check=False,
    )

    version, _, listed = told.stdout.strip().partition(" ")
    assert told.stderr == ""
    assert version.startswith("1.5" if line == "1.5" else duckdb.__version__)
    assert listed == str(counts(connection))


def test_a_database_file_is_small_and_holds_no_rows(history: History, tmp_path: Path) -> None:
    path = tmp_path / "facets.duckdb"
    write_database(path, history)

    assert path.stat().st_size < 1_000_000
    assert b"Yi-Coder" not in path.read_bytes()
    assert list(tmp_path.iterdir()) == [path]


def test_a_database_file_is_replaced_and_another_file_is_not(history: History, tmp_path: Path) -> None:
    path, other = tmp_path / "facets.duckdb", tmp_path / "notes.txt"
    write_database(path, history)
    before = path.stat().st_ino
    write_database(path, history)
    other.write_text("my notes, which are long enough", encoding="utf-8")

    assert path.stat().st_ino != before
    with pytest.raises(SettingsError, match=r"notes\.txt exists and is not a DuckDB database"):
        write_database(other, history)
    assert other.read_text(encoding="utf-8") == "my notes, which are long enough"


def test_a_place_that_cannot_be_written_and_files_that_do_not_last_are_refused(
    history: History, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="cannot be written"):
        write_database(tmp_path / "none" / "facets.duckdb", history)
    with pytest.raises(SettingsError, match="Copy the lake to a folder"):
        write_database(tmp_path / "facets.duckdb", dataclasses.replace(history, lasts=False))
    assert list(tmp_path.iterdir()) == []


def test_settings_that_duckdb_refuses_are_reported(history: History) -> None:
    with (
        pytest.raises(SettingsError, match="DuckDB rejects these settings"),
        session(history, threads=1, memory_limit="much"),
    ):
        pass


def test_what_does_not_fit_into_memory_spills_and_then_fails_with_a_sentence(history: History) -> None:
    with session(history, threads=1, memory_limit="40MB") as connection:
        assert ask(connection, "SELECT count(DISTINCT i) FROM range(2000000) AS t(i)") == [(2_000_000,)]
        with pytest.raises(QueryError, match=r"^Out of Memory error: .*\.$"):
            ask(connection, "SELECT list(i) AS all_of_them FROM range(100000000) AS t(i)")
        assert ask(connection, "SELECT 1 AS one") == [(1,)]
