from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facets_svc.lake import FolderLake, Lake
from facets_svc.sync.job import run as sync
from facets_svc.sync.sources import open_source
from tests.cli.conftest import Run
from tests.parity.published import Silence

MODELS: list[dict[str, Any]] = [
    {"id": "1", "org": "acme", "name": "a", "is_public": True, "tags": ["x", "y"], "license": "mit"},
    {"id": "2", "org": "acme", "name": "b", "is_public": False, "tags": ["x"]},
    {"id": "3", "org": "globex", "name": "c", "is_public": False, "framework": "jax"},
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with a snapshot of three models, and one before it with two of them."""
    folder = tmp_path_factory.mktemp("sql")
    for models in (MODELS[:2], MODELS):
        source = folder / "models.jsonl"
        source.write_text("".join(json.dumps(model) + "\n" for model in models), encoding="utf-8")
        sync(open_source(str(source)), Lake.open(str(folder / "lake")), probe=lambda _: None, progress=Silence())
    return folder / "lake"


def test_a_statement_is_answered_as_a_table(run: Run, lake: Path) -> None:
    result = run("sql", "SELECT id, license FROM models ORDER BY id", "--lake", lake)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "╭─────────┬─────────╮\n"
        "│ id      │ license │\n"
        "│ VARCHAR │ VARCHAR │\n"
        "├─────────┼─────────┤\n"
        "│ 1       │ mit     │\n"
        "│ 2       │ NULL    │\n"
        "│ 3       │ NULL    │\n"
        "╰─────────┴─────────╯\n"
        "3 rows\n"
    )


def test_parameters_are_bound_by_what_they_look_like_or_as_they_are_said_to_be(run: Run, lake: Path) -> None:
    asked = (
        "SELECT count(*) AS models, typeof($n) AS n, typeof($t) AS t FROM models WHERE org = $org AND len(tags) >= $n"
    )
    result = run("sql", asked, "-p", "org=acme", "-p", "n=1", "-p", "t:VARCHAR=1", "--format", "csv", "--lake", lake)

    assert (result.exit_code, result.stderr, result.stdout) == (0, "", "models,n,t\n2,INTEGER,VARCHAR\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["SELECT $x AS x"], "The parameter $x has no value. Pass -p x=VALUE.\n"),
        (["SELECT 1 AS x", "-p", "y=1"], "The SQL has no parameter $y. Remove -p y=….\n"),
        (["SELECT 1 AS x", "-p", "y"], "'y' is not a parameter. Write name=value or name:TYPE=value.\n"),
        (["SELECT 1;\nSELEC 2"], 'Parser error in line 2, column 1: syntax error at or near "SELEC".\n'),
        (["  -- nothing"], "There is no SQL to run.\n"),
        (["SET threads = 1", "--format", "csv"], "The last statement returns no rows to write.\n"),
        (["--query", "license"], "The cookbook has no query 'license'; did you mean"),
        (
            ["--query", "largest-orgs", "-p", "most=many"],
            "The parameter most must be a whole number, and 'many' is not.\n",
        ),
        (["--query", "largest-orgs", "-p", "org=a"], "The query has no parameter org; its parameters are most.\n"),
        (
            ["SELECT 1", "--query", "largest-orgs"],
            "Error: Pass one of SQL, --file, --query, --write-database and --notebook.\n",
        ),
        (["SELECT 1", "--output", "none/x.csv"], "none/x.csv cannot be written: No such file or directory.\n"),
        (
            ["SELECT 1", "--output", "x.docx"],
            "The ending of x.docx names no format. Pass --format, or use one of .arrow, .arrows, .csv, .json, .jsonl, ",
        ),
        (
            ["SELECT 1", "--output", "x.xlsx", "--format", "table"],
            "x.xlsx is named for the format xlsx, but --format is table. Change one of them.\n",
        ),
    ],
    ids=repr,
)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(
    run: Run, lake: Path, arguments: list[str], message: str
) -> None:
    result = run("sql", *arguments, FACETS_LAKE=str(lake))

    assert result.exit_code == 2
    assert message in result.stderr
    if "--output" not in arguments:
        assert "Traceback" not in result.stderr


def test_sql_comes_from_a_file_or_a_pipe(run: Run, lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "question.sql"
    file.write_text("-- Two questions.\nSELECT 1 AS a;\nSELECT $b AS b;\n", encoding="utf-8")

    from_file = run("sql", "-f", file, "-p", "b=x", "--lake", lake)
    piped = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-m", "facets_svc", "sql", "--lake", str(lake), "--format", "csv"],
        input="SELECT 1 AS a; SELECT 2 AS b",
        capture_output=True,
        text=True,
        check=True,
    )

    assert from_file.exit_code == 0
    assert [line for line in from_file.stdout.splitlines() if "│" in line][::3] == ["│       a │", "│ b       │"]
    assert piped.stdout == "b\n2\n"


def test_earlier_snapshots_are_asked_by_id_or_by_day(run: Run, lake: Path) -> None:
    older, newer = FolderLake(lake).ids()
    asked = "SELECT count(*) AS models, (SELECT count(*) FROM models_at('first')) AS before FROM models"

    for snapshot_id, numbers in ((older, "2,2"), (newer, "3,2")):
        result = run("sql", asked, "--snapshot", snapshot_id, "--format", "csv", "--lake", lake)
        assert (result.exit_code, result.stdout) == (0, f"models,before\n{numbers}\n")


def test_a_snapshot_that_is_not_there_and_an_empty_lake_are_errors_of_the_lake(
    run: Run, lake: Path, tmp_path: Path
) -> None:
    unknown = run("sql", "SELECT 1", "--snapshot", "20200101T000000Z-0000", "--lake", lake)
    empty = run("sql", "SELECT 1", "--lake", tmp_path / "none")

    assert (unknown.exit_code, empty.exit_code) == (5, 5)
    assert "has no snapshot '20200101T000000Z-0000'" in unknown.stderr
    assert "has no snapshot yet" in empty.stderr


def test_a_file_is_written_in_the_format_that_its_name_tells(run: Run, lake: Path, tmp_path: Path) -> None:
    asked = "SELECT id, tags FROM models ORDER BY id LIMIT 1"
    paths = {
        suffix: tmp_path / f"answer.{suffix}" for suffix in ("csv", "json", "jsonl", "md", "arrow", "parquet", "txt")
    }
    for path in paths.values():
        assert run("sql", asked, "--output", path, "--lake", lake).exit_code == 0

    row = {"id": "1", "tags": ["x", "y"]}
    assert list(csv.reader(io.StringIO(paths["csv"].read_text()))) == [["id", "tags"], ["1", '["x","y"]']]
    assert json.loads(paths["json"].read_text()) == [row]
    assert json.loads(paths["jsonl"].read_text()) == row
    assert paths["md"].read_text() == '| id | tags |\n|---|---|\n| 1 | ["x","y"] |\n'
    assert pa.ipc.open_stream(paths["arrow"].read_bytes()).read_all().to_pylist() == [row]
    assert pq.read_table(paths["parquet"]).to_pylist() == [row]
    assert paths["txt"].read_text().endswith("1 row\n")


def test_a_query_that_fails_leaves_the_file_of_before(run: Run, lake: Path, tmp_path: Path) -> None:
    path = tmp_path / "answer.csv"
    path.write_text("before", encoding="utf-8")
    asked = "SELECT CAST(CASE WHEN i = 50000 THEN 'x' ELSE '1' END AS INTEGER) AS i FROM range(60000) AS t(i)"

    result = run("sql", asked, "--output", path, "--lake", lake)

    assert (result.exit_code, path.read_text(encoding="utf-8")) == (2, "before")
    assert sorted(file.name for file in tmp_path.glob("*answer*")) == ["answer.csv"]


def test_the_cookbook_is_listed_explained_and_run(run: Run, lake: Path) -> None:
    listed = run("sql", "--queries")
    explained = run("sql", "--queries", "--query", "largest-orgs")
    answered = run("sql", "--query", "largest-orgs", "-p", "most=1", "--format", "csv", "--lake", lake)

    assert "license-compliance" in listed.stdout
    assert "most  BIGINT = 20  the most rows to list" in explained.stdout
    assert answered.stdout == "org,models,public_models,percent,percent_so_far\nacme,2,1,66.7,66.7\n"


def test_a_comparison_without_rows_says_which_snapshots_it_compared(run: Run, lake: Path) -> None:
    older, newer = FolderLake(lake).ids()
    for options in (["--format", "csv"], []):
        result = run("sql", "--query", "made-public", *options, "--lake", lake)
        assert (result.exit_code, result.stderr) == (0, f"No rows: compared snapshot {older} with {newer}.\n")
    result = run("sql", "--query", "changed-models", "-p", f"since={newer}", "--lake", lake)
    assert result.stderr == f"No rows: compared snapshot {newer} with {newer}.\n"
    result = run("sql", "--query", "changed-models", "--lake", lake)
    assert (result.stderr, "│ added   │ 3 " in result.stdout) == ("", True)


def test_a_database_file_is_written_for_other_clients(run: Run, lake: Path, tmp_path: Path) -> None:
    path = tmp_path / "facets.duckdb"

    result = run("sql", "--write-database", path, "--lake", lake)

    assert (result.exit_code, result.stdout) == (
        0,
        f"Wrote {path} with the tables of snapshot {FolderLake(lake).current()}.\n",
    )
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM models").fetchall() == [(3,)]


def test_ctrl_c_ends_a_query_that_would_take_for_ever(lake: Path) -> None:
    asked = "SELECT 1 AS a; SELECT count(*) FROM range(100000000000) AS t(i) WHERE hash(i) % 7 = 1"
    process = subprocess.Popen(  # noqa: S603 - this interpreter
        [sys.executable, "-m", "facets_svc", "sql", asked, "--lake", str(lake)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        while "1 row" not in process.stdout.readline():  # the first answer is out: the second query runs
            assert process.poll() is None
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()

    assert (process.returncode, said) == (130, "The query was interrupted.\n")
