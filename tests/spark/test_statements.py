"""The statements for Spark are those for DuckDB, translated."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from facets_svc import sql
from facets_svc.engine.base import Interruption
from facets_svc.engine.duckdb import DuckdbEngine
from facets_svc.engine.spark import SparkEngine
from scripts import generate_spark
from tests.parity.published import Published
from tests.spark.conftest import on_spark
from tests.spark.servers import SparkServer

SPARK = Path(__file__).resolve().parents[2] / "sql" / "spark"
EVERYTHING = {"public_first": 0, "public_end": 1 << 30, "private_first": 0, "private_end": 0}
MOMENT = datetime(1970, 1, 2, tzinfo=UTC)
NARROWED = EVERYTHING | {
    "tags_filtered": True,
    "tags_stay": True,
    "tags_any": True,
    "any_tag_bits_0": 7,
    "any_tag_bits_1": 1 << 62,
    "any_tag": [132, 140],
    "tasks_filtered": True,
    "tasks_stay": True,
    "tasks_any": True,
    "any_task": [3, 200, 201],
    "license_filtered": True,
    "license_stays": True,
    "no_license": [2, 9],
    "several_stay": True,
    "parameters_minimum": 0,
    "parameters_maximum": (1 << 63) - 1,
    "created_at_minimum": MOMENT,
    "frequent_term": ["e"],
    "frequent_term_bits": [3],
}
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("dictionary", {}),
    ("frequent_words", {}),
    ("ids", {}),
    ("orgs", {}),
    ("totals", {}),
    ("scope", EVERYTHING),
    ("selected", NARROWED),
    ("counts", NARROWED | {"with_bars": True}),
    ("number", NARROWED),
    ("histograms", EVERYTHING),
    ("statistics", EVERYTHING),
    ("months", NARROWED),
    *(("values", EVERYTHING | {"facet": facet}) for facet in range(5)),
    *(
        ("page", EVERYTHING | {f"by_{order}": True, direction: True, "limit": 30, "offset": 3})
        for order in ("updated_at", "created_at", "downloads", "parameters", "name")
        for direction in ("ascending", "descending")
    ),
    ("found", EVERYTHING | {"id": "it's nobody"}),
    ("records", {"rids": [0, 1, 41]}),
]
OF_TWO_SNAPSHOTS = {"seen", "seen_counts"}


def test_the_files_are_those_that_the_script_writes() -> None:
    committed = {path.stem: path.read_text(encoding="utf-8") for path in SPARK.glob("*.sql")}
    assert committed == generate_spark.translations(), "run `make docs`"


@pytest.mark.parametrize("name", sorted(generate_spark.translations()))
def test_a_file_with_all_its_parts_is_sqlglots_translation(name: str) -> None:
    generate_spark.check(name)


def test_a_translation_that_differs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = sql.parse("spark/number", "-- Wrong.\nSELECT count(*) AS models FROM models\n")
    right = sql.load
    monkeypatch.setattr(sql, "load", lambda name: wrong if name == "spark/number" else right(name))
    with pytest.raises(AssertionError, match="number"):
        generate_spark.check("number")


def test_every_statement_is_compared() -> None:
    # those of two snapshots are in the parity tests of earlier days
    assert {name for name, _ in ASKED} | OF_TWO_SNAPSHOTS == set(generate_spark.translations())


def rows_of(table: pa.Table | pa.RecordBatch) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


@pytest.fixture(scope="module")
def spark(crowded: Published, server: SparkServer) -> SparkEngine:
    engine = on_spark(crowded, server).engine
    assert isinstance(engine, SparkEngine)
    return engine


@pytest.mark.parametrize(("name", "parameters"), ASKED)
def test_both_give_the_same_rows(crowded: Published, spark: SparkEngine, name: str, parameters: dict[str, Any]) -> None:
    duckdb = crowded.engine
    assert isinstance(duckdb, DuckdbEngine)
    with duckdb._instance.cursor(Interruption()) as here, spark._instance.cursor(Interruption()) as there:
        expected = [row for batch in here.batches(f"facets/{name}", parameters) for row in rows_of(batch)]
        found = rows_of(there._run(f"facets/{name}", parameters))
    if name not in {"page", "dictionary", "frequent_words", "totals"}:
        expected, found = sorted(expected, key=repr), sorted(found, key=repr)
    assert expected or name == "found"
    assert found == expected
