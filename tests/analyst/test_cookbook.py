from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from facets_svc.analyst import database, formats
from facets_svc.analyst.cookbook import NamedQuery, cookbook, named
from facets_svc.analyst.rows import History
from facets_svc.analyst.running import run
from facets_svc.analyst.statements import Piece
from facets_svc.errors import QueryError
from tests.analyst.conftest import over
from tests.oracle import statistics

GOLDEN = Path(__file__).parent / "golden"

CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    *((query.name, {}) for query in cookbook()),
    ("casing-twins", {"facet": "license"}),
    ("changed-models", {"change": "removed", "since": "first"}),
    ("growth-between-snapshots", {"facet": "tags", "org": "timm", "since": "2026-11-01", "most": 5}),
    ("license-compliance", {"org": "google", "allowed": ["apache-2.0", "gemma"]}),
    ("missing-metadata", {"org": "mongodb"}),
    ("missing-license-by-org", {"org": "google", "examples": 1}),
    ("new-values", {"facet": "framework", "since": "first"}),
    ("stale-models", {"org": "google", "days": 365}),
    ("tag-co-occurrence", {"tag": "mteb", "at_least": 5, "most": 5}),
)


def _name(case: tuple[str, dict[str, Any]]) -> str:
    name, values = case
    return "-".join([name, *(f"{key}={value}" for key, value in values.items() if not isinstance(value, list))])


EVERY_CASE = pytest.mark.parametrize("case", CASES, ids=_name)
EVERY_QUERY = pytest.mark.parametrize("query", cookbook(), ids=lambda query: query.name)


def answered(connection: duckdb.DuckDBPyConnection, query: NamedQuery, values: Mapping[str, Any]) -> str:
    answer = run(connection, Piece(query.text, 0), query.bind(values))
    assert answer is not None
    written = io.BytesIO()
    formats.write(answer, formats.FORMATS["markdown"], written)
    return written.getvalue().decode()


@EVERY_CASE
def test_a_query_answers_over_the_sample_as_it_did(
    connection: duckdb.DuckDBPyConnection, case: tuple[str, dict[str, Any]], request: pytest.FixtureRequest
) -> None:
    text = answered(connection, named(case[0]), case[1])
    path = GOLDEN / f"{_name(case)}.md"
    if request.config.getoption("write_golden"):
        path.write_text(text, encoding="utf-8")

    assert text == path.read_text(encoding="utf-8"), "pytest --write-golden writes it anew"


def test_there_is_no_golden_answer_without_a_query() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {_name(case) for case in CASES}


@pytest.fixture(scope="module")
def turned_round(history: History, tmp_path_factory: pytest.TempPathFactory) -> History:
    """The same rows in files of another order."""
    folder = tmp_path_factory.mktemp("turned")
    snapshots = []
    for rows in history.snapshots:
        files = []
        for number, file in enumerate(reversed(rows.files)):
            table = pq.read_table(file, partitioning=None)
            files.append(str(folder / f"{rows.snapshot_id}-{number}.parquet"))
            pq.write_table(table.take(list(range(table.num_rows))[::-1]), files[-1], row_group_size=500)
        snapshots.append(dataclasses.replace(rows, files=tuple(files)))
    return dataclasses.replace(history, snapshots=tuple(snapshots))


def test_the_order_of_every_answer_is_total_so_that_the_order_of_the_rows_does_not_show(
    connection: duckdb.DuckDBPyConnection, turned_round: History
) -> None:
    with database.session(turned_round, threads=2) as other:
        for query in cookbook():
            assert answered(other, query, {}) == answered(connection, query, {}), query.name


@EVERY_QUERY
def test_a_query_says_what_it_asks_and_how_to_read_the_answer(query: NamedQuery) -> None:
    assert query.question.endswith("?")
    assert len(query.reading) > 50
    assert "ORDER BY" in query.text
    assert all(parameter.default is not None for parameter in query.parameters.values())
    assert all(not parameter.meaning.endswith(".") for parameter in query.parameters.values())


@EVERY_QUERY
def test_a_query_runs_over_a_catalogue_that_knows_next_to_nothing(query: NamedQuery, tmp_path: Path) -> None:
    history = over(tmp_path / "models.parquet", {"id": "1", "org": "acme", "name": "a"})
    history = dataclasses.replace(
        history,
        snapshots=(dataclasses.replace(history.snapshots[0], snapshot_id="20260101T000000Z-0000"), *history.snapshots),
    )
    with database.session(history, threads=1) as connection:
        assert answered(connection, query, {}).startswith("| ")


def test_downloads_fall_on_few_models(tmp_path: Path) -> None:
    models = [{"id": f"{n:02}", "org": "acme", "name": "a", "downloads": n * n} for n in range(20)]
    history = over(tmp_path / "models.parquet", *models, {"id": "x", "org": "b", "name": "b"})
    with database.session(history, threads=1) as connection:
        lines = answered(connection, named("downloads-concentration"), {}).splitlines()

    assert (len(lines), lines[2], lines[-1]) == (12, "| 1 | 2 | 685 | 27.7 | 27.7 |", "| 10 | 2 | 1 | 0.0 | 100.0 |")


def test_changed_models_are_named_with_the_columns_that_changed(tmp_path: Path) -> None:
    models = [{"id": str(n), "org": "acme", "name": f"m{n}", "tags": ["a"]} for n in range(4)]
    before = over(tmp_path / "before.parquet", *models[:3])
    now = over(
        tmp_path / "now.parquet",
        {**models[0], "tags": ["a", "b"], "license": "mit", "org": "globex"},
        models[1],
        models[3],
    )
    earlier = dataclasses.replace(before.snapshots[0], snapshot_id="20260101T000000Z-0000")
    history = dataclasses.replace(now, snapshots=(earlier, *now.snapshots))
    with database.session(history, threads=1) as connection:
        lines = answered(connection, named("changed-models"), {"org": "acme"}).splitlines()

    assert lines[2:] == [
        "| added | 3 | acme | true |  |",
        '| changed | 0 | globex | true | ["org","tags","license"] |',
        "| removed | 2 | acme | true |  |",
    ]


@pytest.mark.parametrize("column", ["parameters", "size_bytes", "downloads"])
def test_the_histogram_has_the_bins_of_the_api(tmp_path: Path, column: str) -> None:
    numbers = [0, 1, 2, 4, 5, 9, 10, 19, 20, 999, 1000, 10**15 - 1, 10**15, 2**63 - 1, None]
    models = [{"id": str(at), "org": "acme", "name": "a", column: number} for at, number in enumerate(numbers)]
    expected = statistics(numbers)["histogram"]

    with database.session(over(tmp_path / "models.parquet", *models), threads=1) as connection:
        bins = connection.execute(named("histogram").text, named("histogram").bind({"column": column})).fetchall()

    assert [dict(zip(("lower", "upper", "count"), one[:3], strict=True)) for one in bins] == expected


def test_a_name_that_is_nearly_right_is_guessed() -> None:
    with pytest.raises(
        QueryError, match="The cookbook has no query 'licence-compliance'; did you mean license-compliance"
    ):
        named("licence-compliance")
    with pytest.raises(QueryError, match="The cookbook has no query 'x'; it has casing-twins, "):
        named("x")
