"""SQL over a lake in a bucket."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from facets_svc.analyst import database
from facets_svc.analyst.rows import everything_in
from facets_svc.analyst.running import run as ask
from facets_svc.analyst.statements import Piece
from facets_svc.lake import BucketLake
from tests.catalogues import model, sync, write_catalogue
from tests.cli.conftest import Run, run

__all__ = ["run"]


@pytest.fixture
def ids(lake: BucketLake, tmp_path: Path) -> list[str]:
    """Three snapshots, of one, two and three models."""
    path = tmp_path / "models.jsonl"
    return [
        sync(write_catalogue(path, [model(number) for number in range(models)]), lake).snapshot_id
        for models in (1, 2, 3)
    ]


def test_earlier_snapshots_are_copied_when_they_are_asked_for(lake: BucketLake, ids: list[str], tmp_path: Path) -> None:
    reader = BucketLake(lake.objects, tmp_path / "reader")

    def copied() -> set[str]:
        paths = [str(path) for path in reader.cache.root.rglob("models/**/*.parquet")]
        return {found[0] for path in paths if (found := re.search(r"\d{8}T\d{6}Z-[0-9a-f]{4}", path))}

    history = everything_in(reader)
    before = copied()
    with database.session(history, threads=1) as connection:
        answer = ask(
            connection,
            Piece("SELECT count(*) AS models FROM models_at('first')", 0),
            fetch=history.fetch,
        )
        assert answer is not None
        assert [batch.to_pylist() for batch in answer.batches] == [[{"models": 1}]]

    assert (before, copied()) == ({ids[2]}, {ids[0], ids[2]})


def test_the_command_asks_a_bucket_and_writes_no_database_over_copies(
    run: Run, lake: BucketLake, ids: list[str], tmp_path: Path
) -> None:
    text = "SELECT (SELECT count(*) FROM models) AS now, (SELECT count(*) FROM models_at('previous')) AS before"
    asked = run("sql", text, "--lake", lake.location, "--format", "csv")
    written = run("sql", "--write-database", tmp_path / "facets.duckdb", "--lake", lake.location)

    assert (asked.exit_code, asked.stderr, asked.stdout) == (0, "", "now,before\n3,2\n")
    assert (written.exit_code, written.stdout) == (2, "")
    assert "Copy the lake to a folder" in written.stderr
    assert ids
