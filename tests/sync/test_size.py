"""How much memory a whole sync takes, as a process of its own: `make soak`."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks import catalogue
from tests.postgres import PASSWORD, PostgresServer

MILLION = 1_000_000
GIB = 2**30

pytestmark = pytest.mark.soak

COLUMNS = [field.name for field in catalogue.SCHEMA]


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("million") / "models.parquet"
    catalogue.write(path, MILLION)
    return path


def rows_of(path: Path) -> Iterator[tuple[object, ...]]:
    """Yield the rows of a catalogue as a database without lists has them: lists are JSON."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(16_384):
            for row in batch.to_pylist():
                yield tuple(_plain(row[name]) for name in COLUMNS)


def _plain(value: object) -> object:
    if isinstance(value, list):
        return json.dumps(value)
    return value.isoformat() if isinstance(value, datetime) else value


def synced(source: str, tmp_path: Path, *options: str | Path, models: int, at_most: float) -> str:
    """Sync a source, check its peak memory in GiB, and return the figures."""
    command = [sys.executable, "-m", "facets_svc", "sync", "--source", source, "--lake", str(tmp_path / "lake")]
    done = subprocess.run([*command, "--json", *options], capture_output=True, check=False, text=True)  # noqa: S603
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["rows_kept"] == models
    peak = report["peak_memory_bytes"] / GIB
    assert peak < at_most
    return f"{models:,} models: {peak:.2f} GiB at most, {sum(report['seconds'].values()):.0f} s"


def test_a_million_rows_of_parquet(million: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = synced(str(million), tmp_path, models=MILLION, at_most=1.5)
    with capsys.disabled():
        print(f"\nsync from Parquet, {figures}")  # noqa: T201 - the figure is what the test is for


def test_a_million_rows_of_sqlite(million: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(tmp_path / "models.db")) as database, database:
        database.execute(f"CREATE TABLE models ({', '.join(COLUMNS)})")
        database.executemany(f"INSERT INTO models VALUES ({', '.join('?' * len(COLUMNS))})", rows_of(million))  # noqa: S608
    figures = synced(f"sqlite:///{tmp_path / 'models.db'}", tmp_path, models=MILLION, at_most=1.5)
    with capsys.disabled():
        print(f"\nsync from SQLite, {figures}")  # noqa: T201 - the figure is what the test is for


def test_a_million_rows_of_postgresql(million: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query = tmp_path / "models.sql"
    query.write_text("SELECT * FROM models", encoding="utf-8")
    with PostgresServer() as server:
        server.execute(
            "CREATE TABLE models (id uuid, org text, name text, description text, tags jsonb, license text,"
            " task_categories jsonb, framework text, size_category text, is_public bool, created_at timestamptz,"
            " updated_at timestamptz, size_bytes numeric, parameters bigint, downloads bigint)"
        )
        server.copy_into("models", rows_of(million))
        server.execute("ALTER TABLE models ALTER tags TYPE text[] USING translate(tags::text, '[]', '{}')::text[]")
        figures = synced(server.url(), tmp_path, "--query", query, models=MILLION, at_most=1.5)
    assert PASSWORD not in figures
    with capsys.disabled():
        print(f"\nsync from PostgreSQL, {figures}")  # noqa: T201 - the figure is what the test is for


def test_five_million_rows_of_parquet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "models.parquet"
    catalogue.write(path, 5 * MILLION)
    figures = synced(str(path), tmp_path, models=5 * MILLION, at_most=2)
    with capsys.disabled():
        print(f"\nsync from Parquet, {figures}")  # noqa: T201 - the figure is what the test is for
