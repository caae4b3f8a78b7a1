from __future__ import annotations

import dataclasses
from pathlib import Path

import duckdb
import pytest

from facets_svc.analyst import database
from facets_svc.analyst.definitions import MACROS
from facets_svc.analyst.rows import History
from facets_svc.errors import QueryError
from tests.analyst.conftest import EARLIER, NOW, ask, over

THEN = 2379 + 2  # of 2974 models one in five was not there, and two are gone


@pytest.mark.parametrize(
    ("moment", "models"),
    [
        ("'2026-11-01'", THEN),  # a date is its whole day
        ("DATE '2026-11-23'", THEN),
        ("'2026-11-24'", 2974),
        ("'2026-11-24 01:59:59'", THEN),
        ("TIMESTAMP '2026-11-24 02:00:00'", 2974),
        ("'2026-11-24T03:59:59+02:00'", THEN),
        ("'2026-11-24T02:00:00Z'", 2974),
        ("TIMESTAMPTZ '2026-11-24 04:00:00+02'", 2974),
        ("now() + INTERVAL 100 YEAR", 2974),
        ("'first'", THEN),
        ("'previous'", THEN),
        (f"'{EARLIER[0]}'", THEN),
        (f"'{NOW[0]}'", 2974),
    ],
)
def test_a_table_as_of_a_moment_is_that_of_the_snapshot_that_was_current_then(
    connection: duckdb.DuckDBPyConnection, moment: str, models: int
) -> None:
    assert ask(connection, f"SELECT count(*) FROM models_at({moment})") == [(models,)]  # noqa: S608


@pytest.mark.parametrize(
    "moment", ["2026-10-31", "2026-11-01 01:59:59", "20261101T020000Z-ffff", "last", "2026-11-31", ""]
)
def test_a_moment_without_a_snapshot_is_an_error_and_not_an_empty_table(
    connection: duckdb.DuckDBPyConnection, moment: str
) -> None:
    with pytest.raises(
        QueryError, match=f"There is no snapshot as of {moment}; a date, a time,.* oldest is {EARLIER[0]}"
    ):
        ask(connection, "SELECT count(*) FROM models_at($moment)", moment=moment)


def test_there_is_nothing_before_the_first_snapshot(tmp_path: Path) -> None:
    history = over(tmp_path / "models.parquet", {"id": "1", "org": "acme", "name": "a"})

    with database.session(history, threads=1) as connection, pytest.raises(QueryError, match="as of previous"):
        ask(connection, "SELECT * FROM models_at('previous')")


@pytest.mark.parametrize("macro", MACROS)
def test_every_table_as_of_the_present_is_the_table(connection: duckdb.DuckDBPyConnection, macro: str) -> None:
    table = macro.removesuffix("_at")

    assert ask(connection, f"FROM {macro}('{NOW[0]}') ORDER BY ALL") == ask(connection, f"FROM {table} ORDER BY ALL")


def test_the_tables_are_over_the_snapshot_that_is_shown(history: History) -> None:
    with database.session(dataclasses.replace(history, shown=EARLIER[0]), threads=1) as connection:
        assert ask(connection, "SELECT count(*) FROM models") == [(THEN,)]
        assert ask(connection, "SELECT max(models) FROM facet_values") == [
            (max(models for (models,) in ask(connection, "SELECT models FROM facet_values_at('first')")),)
        ]
        assert ask(connection, "SELECT snapshot_id, is_current FROM snapshots ORDER BY ALL") == [
            (EARLIER[0], False),
            (NOW[0], True),
        ]


def test_everything_is_computed_from_the_given_rows_alone(tmp_path: Path) -> None:
    history = over(
        tmp_path / "it's [a] b*.parquet",
        {"id": "1", "org": "acme", "name": "a", "tags": ["x", "y"], "license": "mit", "size_category": "<1B"},
        {"id": "2", "org": "acme", "name": "b", "tags": ["x"], "task_categories": ["t"], "is_public": False},
        {"id": "3", "org": "b", "name": "c", "framework": "jax"},
    )
    with database.session(history, threads=1) as connection:
        assert ask(connection, "FROM model_tags ORDER BY ALL") == [
            ("1", "acme", True, "x"),
            ("1", "acme", True, "y"),
            ("2", "acme", False, "x"),
        ]
        assert ask(connection, "FROM model_tasks ORDER BY ALL") == [("2", "acme", False, "t")]
        assert ask(connection, "FROM facet_values ORDER BY ALL") == [
            ("framework", "jax", 1, 1),
            ("license", "mit", 1, 1),
            ("size_category", "<1B", 1, 1),
            ("tags", "x", 2, 1),
            ("tags", "y", 1, 1),
            ("task_categories", "t", 1, 0),
        ]
        assert ask(connection, "FROM orgs ORDER BY ALL") == [("acme", 2, 1), ("b", 1, 1)]
        assert ask(connection, "FROM snapshots") == [(*NOW, True, 3, 2, 2)]


def test_a_snapshot_that_was_pruned_takes_only_itself_away(history: History, tmp_path: Path) -> None:
    first, last = history.snapshots
    pruned = dataclasses.replace(first, files=(str(tmp_path / "gone.parquet"),))
    with database.session(dataclasses.replace(history, snapshots=(pruned, last)), threads=1) as connection:
        assert ask(connection, "SELECT count(*) FROM models_at('2026-11-24')") == [(2974,)]
        with pytest.raises(QueryError, match=r"No files found .*gone\.parquet"):
            ask(connection, "SELECT count(*) FROM models_at('first')")


def test_only_the_files_of_the_snapshot_asked_for_are_read(connection: duckdb.DuckDBPyConnection) -> None:
    ((_, plan),) = ask(connection, "EXPLAIN ANALYZE SELECT org FROM models_at('first') WHERE org = 'google'")

    assert "Total Files Read: 2" in plan  # one of the public models, one of the private ones
