"""What an accident in a source does to a night: the command refuses it, with figures and examples."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from facets_svc.lake import Lake
from tests.catalogues import model, write_catalogue
from tests.cli.conftest import Run

ORGS = 20


class Nights:
    """Nights of one lake, each with its own rows."""

    def __init__(self, run: Run, folder: Path) -> None:
        self._run = run
        self._folder = folder
        self.lake = Lake.open(str(folder / "lake"))

    def sync(self, rows: list[dict[str, Any]], *options: str) -> Result:
        source = write_catalogue(self._folder / "models.jsonl", rows)
        return self._run("sync", "--source", source, "--lake", self._folder / "lake", "--json", *options)


@pytest.fixture
def nights(run: Run, tmp_path: Path) -> Nights:
    nights = Nights(run, tmp_path)
    first = nights.sync(catalogue())
    assert first.exit_code == 0, first.stderr
    assert json.loads(first.stdout)["changes"] is None
    return nights


def catalogue() -> list[dict[str, Any]]:
    """Return 400 models of twenty orgs, half of them private, with a value in every facet."""
    return [
        model(
            number,
            f"org-{number % ORGS}",
            is_public=number < 200,
            license="mit" if number % 2 else "apache-2.0",
            tags=[f"tag-{number % 30}"],
            task_categories=["text"],
            framework="jax",
            size_category="1B",
            downloads=number,
        )
        for number in range(400)
    ]


def refused(nights: Nights, rows: list[dict[str, Any]], *options: str) -> str:
    """Return the sentence that refuses the rows; and see that the snapshot before stays, and what --force says."""
    current = nights.lake.current()
    result = nights.sync(rows, *options)
    assert (result.exit_code, result.stdout, nights.lake.current()) == (4, "", current)
    sentence = result.stderr.splitlines()[-1].partition(" Nothing was published.")[0]
    forced = nights.sync(rows, *options, "--force")
    assert forced.exit_code == 0, forced.stderr
    assert " ".join(json.loads(forced.stdout)["warnings"]) == sentence
    return sentence


def test_a_query_that_makes_private_models_public_is_refused(nights: Nights) -> None:
    rows = [row | {"is_public": True} for row in catalogue()]
    assert refused(nights, rows) == (
        "200 of the 200 private models would become public (m200, m201, m202, …), more than 2 (--max-made-public)."
    )
    [refused_id] = nights.lake.refused()
    left = Path(nights.lake.location, "refused", refused_id, "report.json").read_text(encoding="utf-8")
    assert json.loads(left)["changes"]["made_public_ids"] == [f"m{number}" for number in range(200, 220)]


@pytest.mark.parametrize(("option", "published", "exit_code"), [((), 2, 0), ((), 3, 4), (("3",), 3, 0), (("0",), 1, 4)])
def test_how_many_models_may_be_made_public_is_a_setting(
    nights: Nights, option: tuple[str, ...], published: int, exit_code: int
) -> None:
    rows = [row | {"is_public": number < 200 + published} for number, row in enumerate(catalogue())]
    options = [word for limit in option for word in ("--max-made-public", limit)]
    result = nights.sync(rows, *options)
    assert result.exit_code == exit_code, result.stderr
    if not exit_code:
        changes = json.loads(result.stdout)["changes"]
        assert (changes["made_public"], changes["private_before"]) == (published, 200)
        assert changes["made_public_ids"] == [f"m{200 + number}" for number in range(published)]


def test_new_public_models_and_models_made_private_are_no_accident(nights: Nights) -> None:
    rows = [row | {"is_public": False} if number < 50 else row for number, row in enumerate(catalogue())]
    result = nights.sync([*rows, *(model(1000 + number) for number in range(100))], "--max-made-public", "0")
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize("column", ["license", "tags", "task_categories", "framework", "size_category", "downloads"])
def test_a_column_that_is_misspelt_is_refused(nights: Nights, column: str) -> None:
    misspelt = f"{column[0].upper()}{column[1:]}s"
    rows = [{"notes": "-", **row, misspelt: row[column]} for row in catalogue()]
    for row in rows:
        del row[column]
    assert refused(nights, rows) == (
        f"`{column}` is missing from the source's columns (found: `{misspelt}`): 400 of the 400 models with a value "
        f"would lose it (m0, m1, m10, …). Rename it, or pass --allow-missing {column}."
    )


def test_columns_that_a_query_lacks_are_named_with_what_it_has(nights: Nights, run: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "hub.db") as connection:
        connection.execute("CREATE TABLE models (id, org, name, is_public, licence, a, b, c, d, e)")
        connection.executemany(
            "INSERT INTO models VALUES (?, ?, ?, ?, ?, 1, 1, 1, 1, 1)",
            [[row[name] for name in ("id", "org", "name", "is_public", "license")] for row in catalogue()],
        )
    connection.close()
    sync = ("sync", "--source", f"sqlite:///{tmp_path / 'hub.db'}", "--lake", nights.lake.location)
    result = run(*sync)
    assert result.exit_code == 4
    assert "`license` is missing from the query's columns (found: `licence`): 400 of the 400" in result.stderr
    assert "`tags` is missing from the query's columns (found: `a`, `b`, `c`, `d`, `e`, …): 400" in result.stderr
    missing = ("license", "tags", "task_categories", "framework", "size_category")
    allow = [word for column in missing for word in ("--allow-missing", column)]
    last = run(*sync, *allow)
    assert last.exit_code == 4
    assert last.stderr.splitlines()[-1].startswith("`downloads` is missing from the query's columns")
    allowed = run(*sync, *allow, "--allow-missing", "downloads", "--json")
    assert allowed.exit_code == 0, allowed.stderr
    report = json.loads(allowed.stdout)
    assert (report["warnings"], report["changes"]["lost_values"]["license"]["lost"]) == ([], 400)


def test_what_is_required_cannot_be_allowed_to_be_missing(nights: Nights) -> None:
    assert nights.sync(catalogue(), "--allow-missing", "is_public").exit_code == 2


def test_a_column_that_loses_most_of_its_values_is_refused_and_half_of_them_is_not(nights: Nights) -> None:
    rows = catalogue()
    for row in rows[:200]:
        del row["license"]
    passing = nights.sync(rows, "--json")
    assert passing.exit_code == 0, passing.stderr
    assert json.loads(passing.stdout)["changes"]["lost_values"]["license"]["lost"] == 200
    for row in rows[200:350]:
        del row["license"]
    assert "150 of the 200 models with a value in the column license would lose it" in refused(nights, rows)


def test_a_facet_whose_values_are_replaced_is_refused(nights: Nights) -> None:
    rows = [row | {"tags": ["unknown"]} for row in catalogue()]
    assert refused(nights, rows) == (
        "30 of the 30 values of the facet tags would disappear (tag-0, tag-1, tag-2, …), more than 50% "
        "(--max-lost-values)."
    )


def test_orgs_that_vanish_are_refused_and_one_of_many_is_not(nights: Nights) -> None:
    without_one = [row for row in catalogue() if row["org"] != "org-7"]
    passing = nights.sync(without_one)
    assert passing.exit_code == 0, passing.stderr
    assert json.loads(passing.stdout)["changes"]["orgs_lost_most"] == [
        {"org": "org-7", "models_before": 20, "models_after": 0}
    ]
    rows = [row for row in without_one if row["org"] not in {"org-1", "org-2"}]
    assert refused(nights, rows) == (
        "2 of the 19 orgs of 10 models or more would lose more than half of their models (org-1 from 20 to 0, "
        "org-2 from 20 to 0), more than 5% of these orgs (--max-lost-orgs)."
    )


def test_many_small_orgs_that_vanish_are_refused_and_a_few_are_not(run: Run, tmp_path: Path) -> None:
    nights = Nights(run, tmp_path)
    rows = [model(number, f"org-{number:03d}") for number in range(100)]
    assert nights.sync(rows).exit_code == 0
    passing = nights.sync(rows[9:])
    assert passing.exit_code == 0, passing.stderr
    changes = json.loads(passing.stdout)["changes"]
    assert (changes["orgs_vanished"], changes["all_orgs_before"], changes["orgs_lost"]) == (9, 100, 0)
    assert changes["orgs_vanished_most"] == [f"org-{number:03d}" for number in range(9)]
    assert refused(nights, rows[19:]) == (
        "10 of the 91 orgs would lose all of their models (org-009, org-010, org-011, …), more than 5% "
        "(--max-lost-orgs)."
    )


def test_a_catalogue_with_other_ids_is_refused(nights: Nights) -> None:
    rows = [row | {"id": f"other-{row['id']}"} for row in catalogue()]
    assert "400 of the 400 models would be removed and 400 added under other ids" in refused(nights, rows)


def test_every_limit_can_be_lifted(nights: Nights) -> None:
    rows = [model(number, "other", is_public=True) for number in range(400)]
    options = ("--max-made-public", "400", "--max-lost-values", "100%", "--max-lost-orgs", "100%")
    result = nights.sync(rows, *options)
    assert (result.exit_code, json.loads(result.stdout)["warnings"]) == (0, [])


def test_what_ordinary_life_does_in_a_night_passes(nights: Nights) -> None:
    rows = catalogue()[20:]
    rows[0]["license"] = None
    rows[1]["tags"] = ["new"]
    rows[-1]["is_public"] = True
    result = nights.sync([*rows, model(1000, "newcomer")])
    assert (result.exit_code, json.loads(result.stdout)["warnings"]) == (0, [])
