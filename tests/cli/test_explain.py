"""`facets-svc explain` prints the statements of a request, which give its counts in a shell."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from facets_svc.cli import main
from facets_svc.lake.snapshot import INDEX
from tests.catalogues import model, publish

FACETS = "/api/v1/org/acme/models/facets"


def explained(request: str, folder: Path) -> Result:
    return CliRunner().invoke(main, ["explain", request, "--lake", str(folder / "lake")])


def test_the_statement_of_a_request_gives_its_counts_in_a_shell(tmp_path: Path) -> None:
    snapshot = publish([model(n, tags=["a"] if n else ["b"], license="mit") for n in range(3)], tmp_path)
    printed = explained(f"{FACETS}?tags=a&search=mod%65l", tmp_path)
    assert printed.exit_code == 0, printed.stderr
    assert "-- sql/facets/counts.sql" in printed.stdout
    with duckdb.connect(str(snapshot.file(INDEX)), read_only=True) as shell:
        counts = dict(shell.execute(printed.stdout).fetchall())
    assert counts[0] == 2


def test_a_list_of_models_and_one_facets_values_are_explained_too(tmp_path: Path) -> None:
    publish([model(n, tags=["a"]) for n in range(3)], tmp_path)
    listed = explained("/api/v1/org/acme/models?tags=a&limit=2", tmp_path).stdout
    assert [line for line in listed.splitlines() if line.startswith("-- sql/")] == [
        "-- sql/facets/number.sql",
        "-- sql/facets/page.sql",
        "-- sql/facets/records.sql",
    ]
    assert "-- sql/facets/values.sql" in explained(f"{FACETS}/tags?license=mit", tmp_path).stdout


def test_a_request_without_filters_runs_no_statement(tmp_path: Path) -> None:
    publish([model(1)], tmp_path)
    assert "No statement" in explained(FACETS, tmp_path).stdout


@pytest.mark.parametrize("request_", ["/health/live", f"{FACETS}/colours", f"{FACETS}?as_of=2026-01-01"])
def test_what_runs_no_statement_is_an_error_that_says_what_to_give(tmp_path: Path, request_: str) -> None:
    failed = explained(request_, tmp_path)
    assert failed.exit_code == 2
    assert "'/api/v1/org/" in failed.stderr or "leave it out" in failed.stderr
