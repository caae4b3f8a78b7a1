from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from facets_svc.lake.folder import Lake
from tests.cli.conftest import Run

LENIENT = ("--max-rejects", "25%")
"""What the catalogue of four rows with a bad one needs."""


def test_a_sync_publishes_and_reports(run: Run, catalogue: Path, tmp_path: Path) -> None:
    result = run("sync", "--source", catalogue, "--lake", tmp_path / "lake", *LENIENT, "--json")

    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["snapshot_id"] == Lake.open(str(tmp_path / "lake")).current()
    assert (report["rows_read"], report["rows_kept"], report["rejected"]) == (4, 3, {"bad_slug": 1})
    assert report["orgs"] == 2
    assert report["facet_values"] == {
        "tags": 2,
        "licenses": 1,
        "task_categories": 0,
        "frameworks": 1,
        "size_categories": 0,
    }
    assert report["unknown_columns"] == ["color"]
    assert "description" in report["absent_columns"]
    assert report["bytes"] > 0
    assert report["seconds"]


def test_the_report_for_people_has_the_same_figures(run: Run, catalogue: Path, tmp_path: Path) -> None:
    result = run("sync", "--source", catalogue, *LENIENT, FACETS_LAKE=str(tmp_path / "lake"))

    assert result.exit_code == 0, result.stderr
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0] == f"Published snapshot {Lake.open(str(tmp_path / 'lake')).current()} from {catalogue}."
    assert lines[1:7] == [
        "rows read 4",
        "rows kept 3",
        "rows rejected 1 bad_slug 1",
        "compared with nothing: there was no snapshot before",
        "orgs 2",
        "facet values 4 tags 2, licenses 1, frameworks 1",
    ]
    assert lines[-2:] == ["columns unknown color", f"bad_slug {catalogue}, row 4: org: not a slug: 'not a slug'"]


def test_a_sync_tells_each_step_on_stderr(run: Run, catalogue: Path, tmp_path: Path) -> None:
    result = run("sync", "--source", catalogue, "--lake", tmp_path / "lake", *LENIENT)

    steps = result.stderr.splitlines()
    assert len(steps) >= 3
    assert [step for step in steps if ": done in " not in step] == []


def test_a_second_sync_is_a_second_snapshot(run: Run, catalogue: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert run("sync", "--source", catalogue, "--lake", tmp_path / "lake", *LENIENT).exit_code == 0

    lake = Lake.open(str(tmp_path / "lake"))
    assert len(lake.ids()) == 2
    assert lake.current() == lake.ids()[-1]


def test_the_packaged_sample_is_a_source(run: Run, tmp_path: Path) -> None:
    result = run("sync", "--source", "sample:", "--lake", tmp_path / "lake", "--json")

    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["rows_read"], report["rows_kept"], report["rejected"]) == (2974, 2974, {})


def test_a_query_of_ones_own_reads_a_database(run: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "hub.db") as connection:
        connection.execute("CREATE TABLE repo (key TEXT, owner TEXT, title TEXT, open INTEGER)")
        connection.execute("INSERT INTO repo VALUES ('1', 'acme', 'a', 1)")
    connection.close()
    query = tmp_path / "hub.sql"
    query.write_text("SELECT key AS id, owner AS org, title AS name, open AS is_public FROM repo", encoding="utf-8")
    source = f"sqlite:///{tmp_path / 'hub.db'}"

    result = run("sync", "--source", source, "--query", query, "--lake", tmp_path / "lake", "--json")

    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["rows_kept"] == 1


def test_without_a_source_there_is_nothing_to_do(run: Run) -> None:
    result = run("sync")

    assert result.exit_code == 2
    assert "Missing option '--source'" in result.stderr


def test_a_query_file_that_is_not_there_is_reported(run: Run, catalogue: Path, tmp_path: Path) -> None:
    result = run("sync", "--source", catalogue, "--query", tmp_path / "none.sql")

    assert result.exit_code == 2
    assert "none.sql' does not exist" in result.stderr


def test_a_query_file_that_is_not_text_is_reported(run: Run, catalogue: Path, tmp_path: Path) -> None:
    query = tmp_path / "query.sql"
    query.write_bytes(b"SELECT '\xff'")

    result = run("sync", "--source", catalogue, "--query", query, "--lake", tmp_path / "lake")

    assert result.exit_code == 2
    assert one_sentence(result.stderr).startswith("The query file ")


def one_sentence(stderr: str) -> str:
    """Return the last line, which is all that an error may be beside the steps that ended before it."""
    *steps, sentence = stderr.splitlines()
    assert [step for step in steps if ": done in " not in step and ": failed after " not in step] == []
    assert sentence.endswith(".")
    return sentence


def test_a_missing_source_is_3_and_nothing_is_published(run: Run, tmp_path: Path) -> None:
    result = run("sync", "--source", tmp_path / "none.jsonl", "--lake", tmp_path / "lake")

    assert (result.exit_code, result.stdout) == (3, "")
    assert "none.jsonl" in one_sentence(result.stderr)
    assert Lake.open(str(tmp_path / "lake")).current() is None


def test_refused_data_is_4_and_the_old_snapshot_stays(run: Run, catalogue: Path, tmp_path: Path) -> None:
    assert run("sync", "--source", catalogue, "--lake", tmp_path / "lake", *LENIENT).exit_code == 0
    before = Lake.open(str(tmp_path / "lake")).current()
    catalogue.write_text('{"id": "1", "org": "not a slug", "name": "a", "is_public": true}\n', encoding="utf-8")

    result = run("sync", "--source", catalogue, "--lake", tmp_path / "lake")

    assert (result.exit_code, result.stdout) == (4, "")
    assert one_sentence(result.stderr)
    assert Lake.open(str(tmp_path / "lake")).current() == before


@pytest.mark.parametrize("lake", ["models.jsonl", "models.jsonl/lake", "s3://bucket/lake"])
def test_a_lake_that_cannot_be_written_is_5(
    run: Run, catalogue: Path, tmp_path: Path, lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = run("sync", "--source", catalogue, "--lake", lake)

    assert (result.exit_code, result.stdout) == (5, "")
    assert one_sentence(result.stderr)


def test_a_held_lake_is_75(run: Run, catalogue: Path, tmp_path: Path) -> None:
    with Lake.open(str(tmp_path / "lake")).writing():
        result = run("sync", "--source", catalogue, "--lake", tmp_path / "lake")

    assert (result.exit_code, result.stdout) == (75, "")
    assert one_sentence(result.stderr).startswith("Another job holds the lake ")


def test_guards_take_shares_and_can_be_forced(run: Run, catalogue: Path, tmp_path: Path) -> None:
    shared = ("sync", "--source", catalogue, "--lake", tmp_path / "lake")

    refused = run(*shared)
    assert refused.exit_code == 4
    [refused_id] = Lake.open(str(tmp_path / "lake")).refused()
    assert refused.stderr.splitlines()[-1] == (
        f"1 of the 4 rows of {catalogue} were rejected, more than 1% (--max-rejects; 4 rows were read, rejected: "
        "1 bad_slug). "
        "Nothing was published. --force overrides this. The report and the rejected rows are in "
        f"{tmp_path / 'lake' / 'refused' / refused_id}."
    )
    assert run(*shared, "--max-rejects", "0.24").exit_code == 4
    assert run(*shared, "--max-rejects", "0.25").exit_code == 0
    assert run(*shared, "--max-rejects", "1.5").exit_code == 2
    forced = run(*shared, "--force")
    assert forced.exit_code == 0
    assert forced.stdout.splitlines()[1].startswith("Warning: 1 of the 4 rows of ")


def test_orgs_without_models_come_from_a_file_or_a_query(run: Run, catalogue: Path, tmp_path: Path) -> None:
    (tmp_path / "orgs.csv").write_text("org\nacme\nempty\n", encoding="utf-8")
    result = run(
        *("sync", "--source", catalogue, "--lake", tmp_path / "lake", *LENIENT, "--json"),
        *("--organizations", tmp_path / "orgs.csv"),
    )
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["orgs"], report["organizations"]["without_models"]) == (3, 1)

    with sqlite3.connect(tmp_path / "hub.db") as connection:
        connection.execute("CREATE TABLE models (id TEXT, org TEXT, name TEXT, is_public INTEGER)")
        connection.execute("INSERT INTO models VALUES ('1', 'acme', 'a', 1)")
        connection.execute("CREATE TABLE owner (slug TEXT)")
        connection.execute("INSERT INTO owner VALUES ('globex'), ('initech')")
    connection.close()
    query = tmp_path / "owners.sql"
    query.write_text("SELECT slug AS org FROM owner", encoding="utf-8")
    result = run(
        *("sync", "--source", f"sqlite:///{tmp_path / 'hub.db'}", "--lake", tmp_path / "other", "--json"),
        *("--organizations-query", query),
    )
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["orgs"] == 3
