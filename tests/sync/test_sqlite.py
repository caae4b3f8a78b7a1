from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from facets_svc.errors import DataRefused, SourceError
from facets_svc.sync.batches import MAX_BATCH_ROWS
from facets_svc.sync.sources import open_source
from tests.sync.reading import read

TABLE = "CREATE TABLE models (id, org TEXT, name TEXT, is_public, tags TEXT, created_at TEXT, downloads)"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "a b?.db"


def run(database: Path, *statements: str) -> str:
    """Run statements and return the database's location."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return f"sqlite:///{database}"


def test_the_packaged_query_reads_the_table_of_models(database: Path) -> None:
    location = run(
        database,
        TABLE,
        "INSERT INTO models VALUES (7, 'ann', 'n', 1, '[\"a\", \"b\"]', '2024-05-01T12:00:00Z', 12)",
        "INSERT INTO models VALUES ('x', 'ann', 'é', 'FALSE', NULL, NULL, 3.0)",
    )
    outcome = read(location)
    assert outcome.rejects == []
    assert [(row["id"], row["name"], row["is_public"], row["tags"], row["downloads"]) for row in outcome.rows] == [
        ("7", "n", True, ["a", "b"], 12),
        ("x", "é", False, [], 3),
    ]
    assert [(row["file"], row["row"]) for row in outcome.rows] == [(location, 1), (location, 2)]
    assert "license" in outcome.cleaner.absent_columns


def test_a_bad_value_rejects_its_row_and_not_the_database(database: Path) -> None:
    outcome = read(
        run(
            database,
            TABLE,
            "INSERT INTO models VALUES (1, 'ann', CAST(x'FF' AS TEXT), 1, NULL, NULL, NULL)",
            "INSERT INTO models VALUES (2, 'ann', CAST(x'6100' AS TEXT), 1, NULL, NULL, NULL)",
            "INSERT INTO models VALUES (3, 'ann', 'n', 1, 'a', NULL, NULL)",
            "INSERT INTO models VALUES (4, 'ann', 'n', 1, NULL, 1714564800, NULL)",
            "INSERT INTO models VALUES (5, 'ann', 'n', 1, NULL, NULL, 0.5)",
            "INSERT INTO models VALUES (6.5, 'ann', 'n', 1, NULL, NULL, NULL)",
            "INSERT INTO models VALUES (NULL, 'ann', 'n', 1, NULL, NULL, NULL)",
            "INSERT INTO models VALUES (8, 'ann', x'6E', 1, NULL, NULL, 1)",
        )
    )
    assert [(row["id"], row["name"]) for row in outcome.rows] == [("8", "n")]
    assert outcome.reasons == [
        (1, "bad_text", "name"),
        (2, "bad_text", "name"),
        (3, "bad_list", "tags"),
        (4, "bad_type", "created_at"),
        (5, "bad_type", "downloads"),
        (6, "bad_type", "id"),
        (7, "missing_required", "id"),
    ]


def test_a_query_maps_other_tables(database: Path) -> None:
    location = run(
        database,
        "CREATE TABLE m (key INTEGER PRIMARY KEY, owner, title, private)",
        "CREATE TABLE m_tag (m INTEGER, tag)",
        "INSERT INTO m VALUES (1, 'ann', 'n', 0), (2, 'bob', 'o', 1)",
        "INSERT INTO m_tag VALUES (1, 'a'), (1, 'b')",
    )
    query = """
        -- a query of one's own
        SELECT m.key AS id, owner AS org, title AS name, NOT private AS is_public,
          (SELECT json_group_array(tag) FROM m_tag WHERE m_tag.m = m.key) AS tags
        FROM m ORDER BY m.key DESC;
    """
    assert [(row["id"], row["is_public"], row["tags"]) for row in read(location, query).rows] == [
        ("2", False, []),
        ("1", True, ["a", "b"]),
    ]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT nonsense FROM models", "the query cannot be run: no such column: nonsense"),
        ("SELEKT", "the query cannot be run: "),
        ("SELECT 1; SELECT 2", "the query cannot be run: "),
        ("DELETE FROM models", "the query cannot be run: "),
        ("", "the query "),
    ],
)
def test_a_query_that_is_no_select_is_refused(database: Path, query: str, message: str) -> None:
    location = run(database, TABLE, "INSERT INTO models VALUES (1, 'ann', 'n', 1, NULL, NULL, NULL)")
    with pytest.raises(SourceError, match=message):
        read(location, query)
    assert read(location).ids == ["1"]


def test_a_required_column_that_is_absent_refuses_a_table_without_rows_too(database: Path) -> None:
    with pytest.raises(DataRefused, match="the required column org, is_public is missing"):
        read(run(database, "CREATE TABLE models (id, name)"))
    with pytest.raises(DataRefused, match="returns the column id more than once"):
        read(run(database, TABLE.replace("models", "m")), "SELECT *, 1 AS id FROM m")


def test_what_is_written_meanwhile_is_not_seen(database: Path) -> None:
    location = run(
        database,
        "PRAGMA journal_mode = WAL",
        TABLE,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 70000) "
        "INSERT INTO models SELECT i, 'ann', 'n', 1, NULL, NULL, NULL FROM n",
    )
    batches = open_source(location).batches()
    assert next(batches).rows == MAX_BATCH_ROWS
    run(
        database,
        "INSERT INTO models VALUES ('late', 'ann', 'n', 1, NULL, NULL, NULL)",
        "DELETE FROM models WHERE id = 70000",
    )
    rest = [row_id for batch in batches for row_id in batch.columns["id"]]
    assert (len(rest), rest[-1]) == (70_000 - MAX_BATCH_ROWS, 70_000)


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with pytest.raises(SourceError, match=r"The file .*a\.db does not exist"):
        open_source(f"sqlite:///{path}")
    path.write_text("id,org\n" * 1000)
    with pytest.raises(SourceError, match=r"a\.db: the query cannot be run: file is not a database"):
        open_source(f"sqlite:///{path}")
    path.write_bytes(b"")
    with pytest.raises(SourceError, match=r"a\.db: the query cannot be run: no such table: models"):
        open_source(f"sqlite:///{path}")
    for location in ("sqlite://a.db", "sqlite:///"):
        with pytest.raises(SourceError, match="has the form sqlite:///FILE"):
            open_source(location)


def test_a_database_that_is_damaged_is_named(database: Path) -> None:
    location = run(
        database,
        TABLE,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
        "INSERT INTO models SELECT i, 'ann', 'n', 1, NULL, NULL, NULL FROM n",
    )
    content = bytearray(database.read_bytes())
    content[8192:-4096] = b"\xff" * (len(content) - 12288)
    database.write_bytes(content)
    with pytest.raises(SourceError, match="cannot be r"):
        read(location)
