"""The size category that a source lacks comes from the number of parameters, and the report says so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from facets_svc.lake import Lake
from tests.catalogues import model, write_catalogue
from tests.cli.conftest import Run

B = 10**9
SIZES: dict[int | None, str | None] = {
    None: None,
    -1: None,
    0: None,
    1: "<100M",
    99_999_999: "<100M",
    100_000_000: "100M-500M",
    499_999_999: "100M-500M",
    500_000_000: "500M-1B",
    B: "1B-3B",
    3 * B - 1: "1B-3B",
    3 * B: "3B-8B",
    8 * B: "8B-15B",
    15 * B: "15B-40B",
    40 * B: "40B-80B",
    80 * B: "80B-200B",
    200 * B - 1: "80B-200B",
    200 * B: ">200B",
    2**63 - 1: ">200B",
}
ROWS = [model(number, parameters=parameters) for number, parameters in enumerate(SIZES)]


class Catalogue:
    """A lake that catalogues are published into."""

    def __init__(self, run: Run, folder: Path) -> None:
        self._run = run
        self._folder = folder

    def sync(self, rows: Sequence[dict[str, Any]], *options: str) -> Result:
        return self.sync_file(write_catalogue(self._folder / "models.jsonl", rows), *options)

    def sync_file(self, source: Path, *options: str) -> Result:
        return self._run("sync", "--source", source, "--lake", self._folder / "lake", "--json", *options)

    def sizes(self) -> list[str | None]:
        """Return the size category of every model, in the order of the ids' numbers."""
        files = Lake.open(str(self._folder / "lake")).snapshot().model_files()
        models = duckdb.read_parquet(files, hive_partitioning=False)
        return [size for (size,) in models.order("CAST(id[2:] AS INTEGER)").project("size_category").fetchall()]


@pytest.fixture
def catalogue(run: Run, tmp_path: Path) -> Catalogue:
    return Catalogue(run, tmp_path)


def test_a_source_without_the_column_gets_it_from_the_parameters(catalogue: Catalogue) -> None:
    result = catalogue.sync(ROWS)
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["derived"] == {"size_category": 15}
    assert "size_category" in report["absent_columns"]
    assert report["facet_values"]["size_categories"] == 10
    assert catalogue.sizes() == list(SIZES.values())


def test_the_labels_are_those_of_the_sample(sample_path: Path, catalogue: Catalogue) -> None:
    rows = [json.loads(line) for line in sample_path.read_text(encoding="utf-8").splitlines()]
    sizes = [row.pop("size_category") for row in rows]
    for number, row in enumerate(rows):
        row["id"] = f"m{number}"
    assert catalogue.sync(rows).exit_code == 0
    assert catalogue.sizes() == sizes


def test_the_report_for_people_says_so(catalogue: Catalogue, run: Run, tmp_path: Path) -> None:
    assert catalogue.sync(ROWS).exit_code == 0
    result = run("sync", "--source", tmp_path / "models.jsonl", "--lake", tmp_path / "lake")
    assert "derived size_category 15" in [" ".join(line.split()) for line in result.stdout.splitlines()]


def test_it_can_be_switched_off(catalogue: Catalogue) -> None:
    result = catalogue.sync(ROWS, "--no-derive")
    assert (result.exit_code, json.loads(result.stdout)["derived"]) == (0, {})
    assert catalogue.sizes() == [None] * len(SIZES)


def test_a_source_that_has_the_column_is_left_as_it_is(catalogue: Catalogue, tmp_path: Path) -> None:
    path = tmp_path / "models.parquet"
    names = {name: [row[name] for row in ROWS] for name in ROWS[0]}
    pq.write_table(pa.table(names | {"size_category": pa.nulls(len(ROWS), pa.string())}), path)
    result = catalogue.sync_file(path)
    assert (result.exit_code, json.loads(result.stdout)["derived"]) == (0, {})
    assert catalogue.sizes() == [None] * len(SIZES)
    one = [*ROWS[:-1], ROWS[-1] | {"size_category": "huge"}]
    assert json.loads(catalogue.sync(one).stdout)["derived"] == {}
    assert catalogue.sizes() == [*[None] * (len(SIZES) - 1), "huge"]


def test_a_source_without_parameters_has_nothing_to_derive_it_from(catalogue: Catalogue) -> None:
    assert json.loads(catalogue.sync([model(1)]).stdout)["derived"] == {}


def test_rejected_duplicates_are_kept_as_they_were_read(catalogue: Catalogue, tmp_path: Path) -> None:
    assert catalogue.sync([model(1, parameters=B), model(1, parameters=9 * B)], "--max-rejects", "50%").exit_code == 0
    assert catalogue.sizes() == ["8B-15B"]
    rejects = Lake.open(str(tmp_path / "lake")).snapshot().file("rejects.parquet")
    [reject] = pq.read_table(rejects).to_pylist()
    assert json.loads(reject["record"])["size_category"] is None


def test_a_misspelt_column_is_refused_and_not_replaced_by_derived_sizes(catalogue: Catalogue) -> None:
    given = [row | {"size_category": "7B"} for row in ROWS]
    assert catalogue.sync(given).exit_code == 0
    misspelt = [row | {"size_categroy": "7B"} for row in ROWS]
    refused = catalogue.sync(misspelt)
    assert refused.exit_code == 4
    assert refused.stderr.splitlines()[-1].startswith(
        "`size_category` is missing from the source's columns (found: `size_categroy`) and would be derived, in place "
        "of the values (1 distinct) that the current snapshot has from its source. Rename it, or pass --allow-missing "
        "size_category."
    )
    allowed = catalogue.sync(misspelt, "--allow-missing", "size_category")
    assert allowed.exit_code == 0, allowed.stderr
    assert catalogue.sizes() == list(SIZES.values())


def test_what_was_derived_before_is_derived_again(catalogue: Catalogue) -> None:
    for _ in range(2):
        result = catalogue.sync(ROWS)
        assert (result.exit_code, json.loads(result.stdout)["warnings"]) == (0, [])
    assert catalogue.sync([row | {"size_category": None} for row in ROWS], "--max-lost-values", "100%").exit_code == 0
    assert catalogue.sync(ROWS).exit_code == 0
