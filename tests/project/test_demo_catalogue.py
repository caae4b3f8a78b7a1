"""What `make run` publishes: facts of public models, marked inventions for private ones, and something that changed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from facets_svc.lake import Lake
from facets_svc.lake.compare import difference
from scripts.demo_catalogue import INVENTED, SAMPLE, demo_catalogues
from tests.catalogues import write_catalogue
from tests.cli.conftest import Run, run

__all__ = ["run"]

ROOT = Path(__file__).resolve().parents[2]
FIGURES = {"description", "downloads", "updated_at"}


def test_only_figures_of_private_models_are_invented_and_marked() -> None:
    facts = {row["id"]: row for row in map(json.loads, SAMPLE.read_text(encoding="utf-8").splitlines())}
    catalogues = dict(demo_catalogues())
    assert [len(rows) for rows in catalogues.values()] == [2972, 2974]
    for rows in catalogues.values():
        for row in rows:
            differing = {column for column, value in row.items() if value != facts[row["id"]][column]}
            assert differing == (set() if row["is_public"] else FIGURES)
            assert row["is_public"] or row["description"].startswith(INVENTED)


@pytest.fixture
def lake(run: Run, tmp_path: Path) -> Lake:
    """The lake of `make run`, published with the guards of an ordinary night."""
    for name, rows in demo_catalogues():
        source = write_catalogue(tmp_path / name, rows)
        result = run("sync", "--source", source, "--lake", tmp_path / "lake", "--json")
        assert result.exit_code == 0, result.stderr
        report = json.loads(result.stdout)
        assert (report["warnings"], report["rejected"]) == ([], {})
    return Lake.open(str(tmp_path / "lake"))


def test_there_is_something_to_see_in_what_changed_and_in_a_rollback(run: Run, lake: Lake) -> None:
    yesterday, today = lake.ids()
    found = difference(lake.snapshot(yesterday), lake.snapshot(today), at_most=10)
    assert (found.added, found.removed, found.changed) == (2, 0, 19)
    made_public = run("snapshots", "rollback", "--lake", lake.location, "--json")
    assert made_public.exit_code == 0, made_public.stderr
    assert json.loads(made_public.stdout) == {"current": yesterday, "withdrawn": today, "made_public": 0}


def test_the_makefile_publishes_both_and_the_first_one_once() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^run:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert recipe is not None
    lines = recipe[1].splitlines()
    assert [re.search(r"demo_catalogue|yesterday|today|serve --demo", line)[0] for line in lines] == [  # type: ignore[index]
        "demo_catalogue",
        "yesterday",
        "today",
        "serve --demo",
    ]
    assert "CURRENT" in lines[1]
