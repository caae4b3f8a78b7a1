"""Compares docs/sources.md with the code: the columns and the reasons for rejecting a row."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from facets_svc.catalogue import RECORD, REQUIRED
from facets_svc.sync.clean_values import REASONS
from facets_svc.sync.sources import FORMATS, SCHEMES
from tests.sync.reading import read

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")


def table(first_header: str) -> list[list[str]]:
    """The cells of the table whose first header it is."""
    _, _, rest = DOCUMENT.partition(f"| {first_header} |")
    lines = rest.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines]


def test_every_column_is_documented_in_its_order() -> None:
    rows = table("column")
    assert [row[0].strip("`") for row in rows] == RECORD.names
    assert tuple(row[0].strip("`") for row in rows if row[3] == "yes") == REQUIRED


def test_every_reason_is_documented_in_its_order() -> None:
    assert [row[0].strip("`") for row in table("reason")] == [*REASONS, "duplicate_id"]


def test_every_format_and_scheme_is_documented() -> None:
    sources = " ".join(row[0] for row in table("SOURCE"))
    assert set(re.findall(r"`models(\.\w+)`", sources)) == FORMATS.keys()
    assert set(re.findall(r"`(\w+)://", sources)) == SCHEMES.keys()


def test_the_example_of_a_query_works(tmp_path: Path) -> None:
    query = DOCUMENT.partition("```sql\n")[2].partition("```")[0]
    with closing(sqlite3.connect(tmp_path / "models.db")) as database, database:
        database.executescript("""
            CREATE TABLE owner (key INTEGER, slug TEXT);
            CREATE TABLE model (key INTEGER, owner_key INTEGER, title TEXT, is_private INTEGER, changed INTEGER);
            CREATE TABLE model_tag (model_key INTEGER, tag TEXT);
            INSERT INTO owner VALUES (1, 'meta');
            INSERT INTO model VALUES (7, 1, 'llama', 0, 1714564800), (8, 1, 'secret', 1, NULL);
            INSERT INTO model_tag VALUES (7, 'text-generation'), (7, 'pytorch');
        """)
    rows = read(f"sqlite:///{tmp_path / 'models.db'}", query).rows
    assert [(row["id"], row["org"], row["is_public"], row["tags"], str(row["updated_at"])) for row in rows] == [
        ("7", "meta", True, ["text-generation", "pytorch"], "2024-05-01 12:00:00+00:00"),
        ("8", "meta", False, [], "None"),
    ]


def test_the_example_of_csv_works(tmp_path: Path) -> None:
    (tmp_path / "models.csv").write_text(DOCUMENT.partition("```csv\n")[2].partition("```")[0])
    assert [(row["id"], row["tags"]) for row in read(tmp_path / "models.csv").rows] == [
        ("7", ["text-generation", "pytorch"])
    ]
