# ruff: noqa: S608 - the SQL of tests is put together from their own words
from __future__ import annotations

import importlib
import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from facets_svc.errors import DataRefused, FacetsError, SettingsError, SourceError
from facets_svc.lake import FolderLake
from facets_svc.sync import job
from facets_svc.sync.batches import MAX_BATCH_ROWS, RawBatch
from facets_svc.sync.sources import open_source
from facets_svc.sync.sources.postgresql import PostgresSource
from tests.catalogues import LENIENT, Silence, probe
from tests.postgres import PASSWORD, VERSIONS, PostgresServer
from tests.sync.conftest import DOCUMENT
from tests.sync.reading import FULL, Outcome, cleaned

LEAST = "1 AS id, 'ann' AS org, 'n' AS name, TRUE AS is_public"
ORGS = "INSERT INTO organizations (slug) VALUES ('ann'), ('empty'), ('no slug')"
ID = "00000000-0000-4000-8000-00000000000"
MODELS = f"""
INSERT INTO models VALUES
  ('{ID}1', 1, ' n1 ', 'd', '{{a,NULL,b,a}}', 'mit', '["t", " u "]', 'jax', '<1B', TRUE,
   '2026-01-02 03:04:05.678901+02', '2026-01-02', 7, 1234567890123, 0),
  ('{ID}2', 1, 'n2', NULL, NULL, NULL, NULL, NULL, NULL, FALSE, NULL, NULL, NULL, 'NaN', NULL),
  ('{ID}3', NULL, 'n3', NULL, '{{}}', NULL, '[]', NULL, NULL, TRUE, NULL, NULL, NULL, NULL, NULL),
  ('{ID}4', 1, 'n4', NULL, NULL, NULL, '["t", 1]', NULL, NULL, TRUE, NULL, NULL, NULL, NULL, NULL),
  ('{ID}5', 1, 'n5', NULL, NULL, NULL, NULL, NULL, NULL, TRUE, 'infinity', NULL, NULL, 1.5, NULL)
"""


def read(server: PostgresServer, query: str | None = None) -> Outcome:
    return cleaned(open_source(server.url(), query=query).batches())


def test_the_reference_schema_is_read_with_its_orgs(postgres: PostgresServer) -> None:
    postgres.execute(f"{ORGS}; {MODELS}")
    source = open_source(postgres.url())
    assert isinstance(source, PostgresSource)
    outcome = cleaned(source.batches())
    assert source.label == f"postgresql://127.0.0.1:{postgres.port}/hub"
    moment = datetime(2026, 1, 2, 1, 4, 5, 678901, tzinfo=UTC)
    assert [{name: row[name] for name in FULL} for row in outcome.rows] == [
        {
            "id": f"{ID}1",
            "org": "ann",
            "name": "n1",
            "description": "d",
            "tags": ["a", "b"],
            "license": "mit",
            "task_categories": ["t", "u"],
            "framework": "jax",
            "size_category": "<1B",
            "is_public": True,
            "created_at": moment,
            "updated_at": datetime(2026, 1, 2, tzinfo=UTC),
            "parameters": 7,
            "size_bytes": 1234567890123,
            "downloads": 0,
        },
        FULL | {"id": f"{ID}2", "org": "ann", "name": "n2", "is_public": False},
    ]
    assert outcome.reasons == [
        (3, "missing_required", "org"),
        (4, "bad_list", "task_categories"),
        (5, "bad_type", "created_at"),
    ]
    assert outcome.cleaner.absent_columns == outcome.cleaner.unknown_columns == ()
    assert [org for raw in source.organizations() for org in raw.columns["org"].to_pylist()] == [
        "ann",
        "empty",
        "no slug",
    ]


TYPES = {
    "bigint": ("id", "9007199254740993", "9007199254740993"),
    "numeric": ("id", "12345678901234567890", "12345678901234567890"),
    "varchar(9)": ("id", "'x '", "x"),
    "uuid": ("id", f"'{ID}1'", f"{ID}1"),
    "char(5)": ("license", "'mit'", "mit"),
    "label": ("license", "'mit'", "mit"),
    "word": ("license", "'mit'", "mit"),
    "text[]": ("tags", "'{a,\"b,c\"}'", ["a", "b,c"]),
    "varchar[]": ("tags", "'[0:1]={a,b}'", ["a", "b"]),
    "label[]": ("tags", "'{mit}'", ["mit"]),
    "json": ("tags", '\'["a", null, "b"]\'', ["a", "b"]),
    "jsonb": ("tags", "'[\"\\u00fc\"]'", ["ü"]),
    "text": ("tags", "'[\"a\"]'", ["a"]),
    "smallint": ("is_public", "1", True),
    "boolean": ("is_public", "true", True),
    "timestamp": ("updated_at", "'2026-01-02 03:04:05.678901'", datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
    "timestamptz": ("updated_at", "'2026-01-02 00:30+01'", datetime(2026, 1, 1, 23, 30, tzinfo=UTC)),
    "date": ("updated_at", "'2026-01-02'", datetime(2026, 1, 2, tzinfo=UTC)),
    "integer": ("downloads", "7", 7),
    "numeric(20, 2)": ("downloads", "7.00", 7),
    "double precision": ("downloads", "'NaN'", None),
    "real": ("downloads", "7", 7),
}


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_arrives_right_and_so_does_null(postgres: PostgresServer, kind: str) -> None:
    column, written, value = TYPES[kind]
    postgres.execute("CREATE TYPE label AS ENUM ('mit'); CREATE DOMAIN word AS text")
    others = {"id": "n", "org": "'ann'", "name": "'n'", "is_public": "TRUE"} | {column: f"CAST(v AS {kind})"}
    selected = ", ".join(f"{expression} AS {name}" for name, expression in others.items())
    query = f"SELECT {selected} FROM (VALUES (1, {written}), (2, NULL)) AS t (n, v) ORDER BY n"
    outcome = read(postgres, query.replace("(2, NULL)", "(1, NULL)") if column == "id" else query)
    rows = [row[column] for row in outcome.rows]
    required = column in ("id", "is_public")
    assert rows == ([value] if required else [value, FULL[column]])
    assert [reason for _, reason, _ in outcome.reasons] == (["missing_required"] if required else [])


def test_another_schema_is_read_as_the_document_says(postgres: PostgresServer) -> None:
    [query] = [
        part.partition("```")[0]
        for part in DOCUMENT.read_text(encoding="utf-8").split("```sql\n")
        if "FROM repo\n" in part
    ]
    postgres.execute(
        "CREATE TABLE owner (key int, handle text); INSERT INTO owner VALUES (1, 'ann');"
        "CREATE TABLE repo (key int, owner_key int, title text, readme_summary text, card jsonb, visibility text,"
        " changed_at timestamptz, deleted bool);"
        "CREATE TABLE label (repo_key int, name text); INSERT INTO label VALUES (7, 'b'), (7, 'a');"
        "INSERT INTO repo VALUES (7, 1, 'n', 's', '{\"tasks\": [\"t\"], \"license\": \"mit\"}', 'public', NULL, FALSE),"
        " (8, 1, 'n', 's', '{}', 'private', NULL, FALSE), (9, 1, 'n', 's', '{}', 'private', NULL, TRUE)"
    )
    rows = sorted(read(postgres, query).rows, key=lambda row: row["id"])
    told = [(row["id"], row["tags"], row["task_categories"], row["license"], row["is_public"]) for row in rows]
    assert told == [("7", ["a", "b"], ["t"], "mit", True), ("8", [], [], None, False)]


def test_rows_come_in_batches_of_bounded_size(postgres: PostgresServer) -> None:
    rows = MAX_BATCH_ROWS + 5
    query = f"SELECT g AS id, 'ann' AS org, 'n' AS name, TRUE AS is_public FROM generate_series(1, {rows}) AS g"
    batches = list(open_source(postgres.url(), query=query).batches())
    assert max(raw.rows for raw in batches) <= MAX_BATCH_ROWS
    numbers = [number for raw in batches for number in raw.numbers.tolist()]
    assert numbers == list(range(1, rows + 1))


def test_both_queries_see_one_moment_whatever_is_written_meanwhile(postgres: PostgresServer) -> None:
    postgres.execute("INSERT INTO organizations (slug) SELECT 'org-' || g FROM generate_series(1, 3) AS g")
    many = "SELECT gen_random_uuid(), 1, repeat('x', 500), NULL, NULL, NULL, NULL, NULL, NULL, TRUE"
    postgres.execute(f"INSERT INTO models {many} FROM generate_series(1, 100000) AS g")
    source = open_source(postgres.url())
    assert isinstance(source, PostgresSource)
    batches = source.batches()
    rows = next(batches).rows + next(batches).rows
    postgres.execute(f"INSERT INTO models {many}; INSERT INTO organizations (slug) VALUES ('late'); DELETE FROM models")
    assert rows + sum(raw.rows for raw in batches) == 100_000
    assert sum(raw.rows for raw in source.organizations()) == 3


def test_nothing_can_be_written_by_a_query(postgres: PostgresServer) -> None:
    postgres.execute(
        "CREATE FUNCTION spoil() RETURNS text LANGUAGE sql AS"
        " $$ INSERT INTO organizations (slug) VALUES ('x') RETURNING slug $$"
    )
    with pytest.raises(SourceError, match="cannot execute INSERT in a read-only transaction"):
        read(postgres, f"SELECT {LEAST}, spoil() AS license")


def test_a_statement_has_an_hour_unless_somebody_said_otherwise(postgres: PostgresServer) -> None:
    query = "SELECT current_setting('statement_timeout') AS id"
    [_, raw] = open_source(postgres.url(), query=query).batches()
    assert raw.columns["id"].to_pylist() == ["1h"]
    [_, raw] = open_source(f"{postgres.url()}?options=-c%20statement_timeout%3D5min", query=query).batches()
    assert raw.columns["id"].to_pylist() == ["5min"]
    slow = open_source(f"{postgres.url()}?options=-c%20statement_timeout%3D200", query="SELECT pg_sleep(60) AS id")
    with pytest.raises(SourceError, match="canceling statement due to statement timeout"):
        list(slow.batches())


def all_batches(location: str) -> list[RawBatch]:
    return list(open_source(location).batches())


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        ("SELECT * FROM nowhere", SourceError, 'the query cannot be run: .*relation "nowhere" does not exist'),
        ("SELEC 1", SourceError, "the query cannot be run: .*syntax error"),
        ("SELECT 1 AS id; SELECT 2 AS id", SourceError, "cannot insert multiple commands"),
        (f"SELECT {LEAST}, 1 / (g - 9) AS downloads FROM generate_series(1, 9) AS g", SourceError, "division by zero"),
        ("SELECT 1 AS id, 2 AS id", DataRefused, "the query returns the column id more than once"),
        ("SELECT 1 AS id", DataRefused, "the required column org, name, is_public is missing"),
        (
            "SELECT 1 AS id, '' AS org, '' AS name, TRUE AS is_public, 1 AS tags",
            DataRefused,
            "the column tags has type",
        ),
        ("", SourceError, "the query"),
    ],
)
def test_a_query_that_cannot_be_used_is_told(
    postgres: PostgresServer, query: str, error: type[FacetsError], message: str
) -> None:
    with pytest.raises(error, match=message):
        read(postgres, query)


def test_a_query_may_end_in_a_semicolon_or_a_comment(postgres: PostgresServer) -> None:
    for end in (";", "\n-- the end", " "):
        assert read(postgres, f"SELECT {LEAST}{end}").ids == ["1"]


def test_a_missing_table_is_told_and_nothing_is_published(postgres: PostgresServer, tmp_path: Path) -> None:
    postgres.execute("DROP TABLE models")
    lake = FolderLake(tmp_path / "lake")
    with pytest.raises(SourceError, match='relation "models" does not exist'):
        job.run(open_source(postgres.url()), lake, probe=probe, progress=Silence())
    assert (lake.current(), lake.ids()) == (None, [])


def test_a_job_publishes_a_database_and_knows_its_orgs(postgres: PostgresServer, tmp_path: Path) -> None:
    postgres.execute(f"{ORGS}; {MODELS}")
    lake = FolderLake(tmp_path / "lake")
    report = job.run(open_source(postgres.url()), lake, probe=probe, progress=Silence(), guards=LENIENT)
    assert (report.rows_read, report.rows_kept, report.orgs) == (5, 2, 2)
    assert report.organizations is not None
    assert (report.organizations.without_models, report.organizations.rejected) == (1, {"bad_slug": 1})
    [example] = report.organizations.examples["bad_slug"]
    assert (example.file, example.row) == (f"postgresql://127.0.0.1:{postgres.port}/hub (organizations)", 3)
    everything = (
        "".join(path.read_bytes().decode(errors="replace") for path in lake.root.rglob("*") if path.is_file())
        + msgspec.json.encode(report).decode()
    )
    assert PASSWORD not in everything


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("postgresql://ann:{secret}@127.0.0.1:{port}/hub", 'password authentication failed for user "ann"'),
        ("postgresql://postgres:{secret}@127.0.0.1:{port}/hub", 'password authentication failed for user "postgres"'),
        ("postgresql://ann:{secret}@127.0.0.1:1/hub", "Connection refused"),
        ("postgresql://ann:{secret}@no-such-host.invalid/hub", "could not translate host name"),
        ("postgresql://ann:{secret}@127.0.0.1:{port}/hub?sslmode={secret}", 'invalid sslmode value: "…"'),
        ("postgresql://ann@127.0.0.1:{port}/hub?password={secret}", "password authentication failed"),
        ("postgresql://ann:{secret}@127.0.0.1:{port}/hub?nonsense=1", "invalid URI query parameter"),
        ("postgresql://ann:{secret}@127.0.0.1:{port}/%68ub?service=none", "the connection failed"),
        ("postgresql://127.0.0.1:{port}/hub?passfile=/none", "no password supplied|cannot be connected"),
    ],
)
def test_a_database_that_cannot_be_connected_to_is_told_without_the_password(
    postgres_server: PostgresServer, location: str, message: str
) -> None:
    written = "hunter2%21x"
    location = location.format(secret=written, port=postgres_server.port)
    with pytest.raises(SourceError, match=message) as told:
        all_batches(location)
    assert "hunter2" not in str(told.value)
    assert str(told.value).startswith("postgresql://")


@pytest.mark.parametrize(
    "rest",
    [
        "ann:hunter2/x@host/db",
        "ann:hunter2#x@host/db",
        "ann:hunter2?x@host/db",
        "ann:hunter2@x@host/db",
        "ann:hunter2%zz@host/db",
        "ann:hunter2 x@host/db",
        "ann:12hunter2",
        "host:99999999/db",
        "ann:hunter2@host/db?x=hunter2@y",
    ],
)
def test_a_location_that_does_not_read_is_not_repeated(rest: str) -> None:
    with pytest.raises(SourceError, match="other characters than letters") as told:
        open_source(f"postgresql://{rest}")
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    ("location", "label"),
    [
        ("postgresql://u:p@h/d", "postgresql://h/d"),
        ("POSTGRES://u@h1:1,h2:2/d?sslmode=require", "postgresql://h1:1,h2:2/d"),
        ("postgresql://[::1]:5432/d", "postgresql://[::1]:5432/d"),
        ("postgresql:///d?host=/run/postgresql&user=u&password=p", "postgresql:///run/postgresql/d"),
        ("postgresql://?service=hub", "postgresql://?service=hub"),
        ("postgresql://", "postgresql:///"),
    ],
)
def test_a_label_shows_where_and_never_who(location: str, label: str) -> None:
    source = open_source(location)
    assert source.label == label
    assert "p@" not in repr(vars(source))


def test_a_password_may_come_from_the_environment_a_file_or_a_service(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = f"SELECT {LEAST}"
    bare = postgres.url(password=None)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert cleaned(open_source(bare, query=query).batches()).ids == ["1"]
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    with pytest.raises(SourceError, match="password authentication failed") as told:
        all_batches(bare)
    assert "hunter2" not in str(told.value)
    monkeypatch.delenv("PGPASSWORD")
    passfile = tmp_path / "passfile"
    passfile.write_text(f"127.0.0.1:{postgres.port}:hub:postgres:{PASSWORD}\n", encoding="utf-8")
    passfile.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    assert cleaned(open_source(bare, query=query).batches()).ids == ["1"]
    monkeypatch.delenv("PGPASSFILE")
    service = {"host": "127.0.0.1", "port": postgres.port, "dbname": "hub", "user": "postgres", "password": PASSWORD}
    services = tmp_path / "services"
    services.write_text("[hub]\n" + "".join(f"{name}={value}\n" for name, value in service.items()), encoding="utf-8")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    assert cleaned(open_source("postgresql://?service=hub", query=query).batches()).ids == ["1"]


def test_without_the_driver_the_command_that_brings_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_name: str) -> None:
        raise ImportError

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(SourceError, match=r"pip install 'facets-svc\[postgres\]'"):
        open_source("postgresql://host/db")


def test_orgs_come_from_one_place() -> None:
    with pytest.raises(SettingsError, match="not from both"):
        open_source("postgresql://host/db", organizations="orgs.csv", organizations_query="SELECT 1 AS org")


def test_with_a_query_of_ones_own_orgs_are_read_by_another_one_or_not_at_all(postgres: PostgresServer) -> None:
    query = f"SELECT {LEAST}"
    for organizations_query, expected in ((None, []), ("SELECT 'x' AS org", ["x"])):
        source = open_source(postgres.url(), query=query, organizations_query=organizations_query)
        assert isinstance(source, PostgresSource)
        assert cleaned(source.batches()).ids == ["1"]
        assert [org for raw in source.organizations() for org in raw.columns["org"].to_pylist()] == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_a_database_that_dies_while_it_is_read_ends_the_job_and_nothing_is_published(
    tmp_path: Path, version: int
) -> None:
    lake = FolderLake(tmp_path / "lake")
    with PostgresServer(version) as server:
        query = (
            "SELECT g AS id, 'ann' AS org, repeat('x', 300) AS name, TRUE AS is_public"
            " FROM generate_series(1, 400000) AS g"
        )
        source = open_source(server.url(), query=query)

        class Dying:
            label = source.label
            total_bytes = None

            def batches(self) -> Any:
                for place in itertools.count():
                    yield next(batches)
                    if place == 2:
                        server.kill()

        batches = iter(source.batches())
        with pytest.raises(SourceError, match=r"the rows after row \d+ cannot be read: .*server"):
            job.run(Dying(), lake, probe=probe, progress=Silence())
    assert (lake.current(), lake.ids()) == (None, [])
    assert sorted(path.name for path in lake.root.iterdir() if path.name.startswith("tmp")) == []


def test_text_of_a_database_in_another_encoding_arrives_as_unicode(postgres_server: PostgresServer) -> None:
    postgres_server.execute(
        "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0", database="postgres"
    )
    source = open_source(
        postgres_server.url("latin"),
        query="SELECT 1 AS id, 'ann' AS org, chr(252) AS name, TRUE AS is_public",
    )
    assert [row["name"] for row in cleaned(source.batches()).rows] == ["ü"]


def test_a_row_that_is_rejected_is_kept_as_json(postgres: PostgresServer) -> None:
    outcome = read(postgres, "SELECT 1 AS id, 'no slug' AS org, 'n' AS name, TRUE AS is_public, '{a}'::text[] AS tags")
    assert json.loads(outcome.rejects[0]["record"]) == {
        "id": 1,
        "org": "no slug",
        "name": "n",
        "is_public": True,
        "tags": ["a"],
    }
