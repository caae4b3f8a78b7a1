"""Inputs that once caused errors, and similar ones: each value of a source is published, or reported."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facets_svc.errors import DataRefused, LakeError, SourceError
from facets_svc.lake import Lake
from facets_svc.lake.compare import difference
from facets_svc.sync.sources import open_source
from facets_svc.sync.sources.postgresql_text import bare
from tests.catalogues import model, sync, write_catalogue
from tests.postgres import PostgresServer
from tests.sync.reading import GOOD, Outcome, clean_rows, cleaned, raw_batch, read

LEAST = "'1' AS id, 'acme' AS org, 'n' AS name, TRUE AS is_public"


def parquet(path: Path, rows: int = 1, *, int96: bool = False, **columns: Any) -> Path:
    table = {
        "id": [f"m{row}" for row in range(rows)],
        "org": ["acme"] * rows,
        "name": ["n"] * rows,
        "is_public": [True] * rows,
    }
    pq.write_table(pa.table(table | columns), path, use_deprecated_int96_timestamps=int96)
    return path


def test_times_of_96_bits_are_what_they_are_in_any_year(tmp_path: Path) -> None:
    moments = [datetime(year, 12, 31, 23, 59, 59, 999_999) for year in (1, 1000, 1677, 2262, 9999)]  # noqa: DTZ001
    path = parquet(tmp_path / "m.parquet", 5, int96=True, updated_at=pa.array(moments, pa.timestamp("us")))
    assert pq.ParquetFile(path).schema.column(4).physical_type == "INT96"
    assert [row["updated_at"] for row in read(path).rows] == [moment.replace(tzinfo=UTC) for moment in moments]


def test_of_two_rows_of_an_id_the_newest_stays_whatever_its_year(tmp_path: Path) -> None:
    moments = pa.array([datetime(2026, 1, 1), datetime(9999, 12, 31)], pa.timestamp("us"))  # noqa: DTZ001
    path = parquet(tmp_path / "m.parquet", 2, int96=True, id=["m", "m"], is_public=[True, False], updated_at=moments)
    lake = Lake.open(str(tmp_path / "lake"))
    report = sync(path, lake)
    assert (report.rows_kept, report.rejected, report.public_models) == (1, {"duplicate_id": 1}, 0)


def test_arrays_of_more_than_one_dimension_are_no_lists(postgres: PostgresServer) -> None:
    query = (
        "SELECT v.id, 'acme' AS org, 'n' AS name, TRUE AS is_public, v.tags, v.tags AS task_categories FROM (VALUES "
        "(1, '{a,b}'::text[]), (2, '{{a,b},{c,d}}'), (3, '[0:1]={e,f}'), (4, '{}'), (5, NULL), (6, '{{g,NULL}}')) "
        "AS v(id, tags) ORDER BY v.id"
    )
    outcome = read_postgres(postgres, query)
    assert [(row["id"], row["tags"]) for row in outcome.rows] == [
        ("1", ["a", "b"]),
        ("3", ["e", "f"]),
        ("4", []),
        ("5", []),
    ]
    assert outcome.reasons == [(2, "bad_list", "tags"), (6, "bad_list", "tags")]


def read_postgres(postgres: PostgresServer, query: str) -> Outcome:
    return cleaned(open_source(postgres.url(), query=query).batches())


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder of files with links in it, a link to itself, and what is passed over."""
    (tmp_path / "elsewhere").mkdir()
    write_catalogue(tmp_path / "elsewhere" / "m.jsonl", [model(2)])
    root = tmp_path / "tree"
    (root / "acme").mkdir(parents=True)
    write_catalogue(root / "acme" / "m.jsonl", [model(1)])
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "acme" / "up").symlink_to(root)
    (root / "notes.txt").write_text("-")
    (root / "_SUCCESS").write_text("")
    (root / ".git").mkdir()
    return root


def test_links_to_folders_are_followed_and_what_is_skipped_is_counted(tree: Path, tmp_path: Path) -> None:
    report = sync(tree, Lake.open(str(tmp_path / "lake")))
    assert (report.rows_kept, report.files_read) == (2, 2)
    assert {why: (skipped.count, skipped.paths) for why, skipped in report.files_skipped.items()} == {
        "unknown ending": (1, (str(tree / "notes.txt"),)),
        "folder whose name starts with a dot or an underscore": (1, (str(tree / ".git"),)),
        "link to a folder above": (1, (str(tree / "acme" / "up"),)),
        "name starts with a dot or an underscore": (1, (str(tree / "_SUCCESS"),)),
    }


def test_a_link_to_a_file_or_folder_that_is_gone_is_refused(tree: Path) -> None:
    for name in ("gone.jsonl", "gone"):
        (tree / "acme" / name).symlink_to(tree / "nowhere")
        with pytest.raises(SourceError, match=f"{name} is a link to a file or folder that does not exist"):
            open_source(str(tree))
        (tree / "acme" / name).unlink()


def test_a_glob_that_matches_a_folder_reads_the_files_below_each_once(tmp_path: Path) -> None:
    parquet(tmp_path / "2026-01.parquet", id=["a"])
    (tmp_path / "2026-02.parquet").mkdir()
    parquet(tmp_path / "2026-02.parquet" / "part-00000.snappy.parquet", id=["b"])
    (tmp_path / "2026-02.parquet" / "_SUCCESS").write_text("")
    for pattern in ("2026-*.parquet", "**/*.parquet"):
        source = open_source(str(tmp_path / pattern))
        assert cleaned(source.batches()).ids == ["a", "b"]
        assert source.files.read == 2  # type: ignore[attr-defined]
        assert [len(paths) for paths in source.files.skipped.values()] == [1]  # type: ignore[attr-defined]


@pytest.mark.parametrize("rows", [True, False])
@pytest.mark.parametrize(
    "kind", ["uuid[]", "jsonb[]", "json", "uuid", "point", "int4range", "inet", "xml", "interval[]"]
)
def test_a_column_that_nobody_asked_for_may_be_of_any_type_of_postgresql(
    postgres: PostgresServer, kind: str, rows: bool
) -> None:
    outcome = read_postgres(postgres, f"SELECT {LEAST}, NULL::{kind} AS odd WHERE {rows}")
    assert outcome.ids == ["1"] * rows
    assert outcome.cleaner.unknown_columns == ("odd",)


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("item", [pa.json_(), pa.uuid()])
def test_a_column_that_nobody_asked_for_may_be_of_any_type_of_arrow(tmp_path: Path, item: Any, rows: int) -> None:
    path = parquet(tmp_path / "m.parquet", rows, odd=pa.nulls(rows, pa.list_(item)), odd_too=pa.nulls(rows, item))
    outcome = read(path)
    assert len(outcome.rows) == rows
    assert outcome.cleaner.unknown_columns == ("odd", "odd_too")


@pytest.mark.parametrize("folder", ["name=catalogue", "id=1/bucket=x", "a*b", "[ab]", "it's", "visibility=x/y"])
def test_any_folder_may_hold_a_lake(tmp_path: Path, folder: str) -> None:
    for decoy in ("axb", "a"):  # what a glob would match as well
        sync(write_catalogue(tmp_path / "models.jsonl", [model(9)]), Lake.open(str(tmp_path / decoy / "lake")))
    lake = Lake.open(str(tmp_path / folder / "lake"))
    before = sync(write_catalogue(tmp_path / "models.jsonl", [model(1), model(2, is_public=False)]), lake)
    after = sync(write_catalogue(tmp_path / "models.jsonl", [model(1), model(3)]), lake)
    assert after.changes is not None
    assert (after.changes.added, after.changes.removed, after.changes.updated) == (1, 1, 0)
    compared = difference(lake.snapshot(before.snapshot_id), lake.snapshot(), at_most=1)
    assert (compared.added, compared.removed) == (1, 1)


def test_a_folder_that_duckdb_cannot_write_in_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="question mark"):
        Lake.open(str(tmp_path / "a?b" / "lake"))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("\ufeffSELECT 1", "SELECT 1"),
        ("SELECT 1; -- all of them", "SELECT 1"),
        ("SELECT 1 -- all\n;;\n/* a /* b */ ; */\n", "SELECT 1"),
        ("SELECT ';' AS a, $x$ ; -- $x$, \"--;\"", "SELECT ';' AS a, $x$ ; -- $x$, \"--;\""),
        ("SELECT E'\\';--' AS a; ", "SELECT E'\\';--' AS a"),
        ("-- first\nSELECT a$1 FROM b /* ; */ WHERE c;", "-- first\nSELECT a$1 FROM b /* ; */ WHERE c"),
        ("SELECT 1; SELECT 2;", "SELECT 1; SELECT 2"),
        (" ; -- nothing", ""),
    ],
)
def test_a_query_ends_with_its_last_word(written: str, meant: str) -> None:
    assert bare(written) == meant


@pytest.mark.parametrize("around", ["\ufeff{};", "{}; -- all of them", "{} -- all of them", "/* a */ {} ;; /* b */"])
def test_a_query_may_be_written_as_people_and_editors_write_it(postgres: PostgresServer, around: str) -> None:
    assert read_postgres(postgres, around.format(f"SELECT {LEAST}")).ids == ["1"]


@pytest.mark.parametrize("kind", ["decimal32(1, 0)", "decimal64(1, 0)", "decimal128(1, 0)", "decimal256(1, 0)", "half"])
def test_numbers_of_any_width_are_booleans_and_integers(tmp_path: Path, kind: str) -> None:
    types = {"half": pa.float16()} | {
        f"{make.__name__}(1, 0)": make(1, 0) for make in (pa.decimal32, pa.decimal64, pa.decimal128, pa.decimal256)
    }
    values = [1.0, 0.0, None] if kind == "half" else [Decimal(1), Decimal(0), None]
    column = pa.array(values, types[kind])
    outcome = read(parquet(tmp_path / "m.parquet", 3, is_public=column, downloads=column))
    assert [(row["is_public"], row["downloads"]) for row in outcome.rows] == [(True, 1), (False, 0)]
    assert outcome.reasons == [(3, "missing_required", "is_public")]


def test_the_json_text_null_is_no_list(tmp_path: Path, postgres: PostgresServer) -> None:
    assert [row["tags"] for row in clean_rows(GOOD | {"tags": "null"}, GOOD | {"tags": " null\n"}).rows] == [[], []]
    assert clean_rows(GOOD | {"tags": "nul"}).reasons == [(1, "bad_list", "tags")]
    (tmp_path / "m.csv").write_text("id,org,name,is_public,tags\n1,acme,n,true,null\n", encoding="utf-8")
    assert [row["tags"] for row in read(tmp_path / "m.csv").rows] == [[]]
    outcome = read_postgres(postgres, f"SELECT {LEAST}, 'null'::jsonb AS tags, 'null'::json AS task_categories")
    assert [(row["tags"], row["task_categories"]) for row in outcome.rows] == [([], [])]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_csv_file_with_another_separator_is_told_so(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(separator.join(["id", "org", "name", "is_public"]) + "\n", encoding="utf-8")
    with pytest.raises(DataRefused) as refused:
        read(path)
    named = "a tab" if separator == "\t" else separator
    assert f"The separator seems to be {named}, but CSV needs commas." in str(refused.value)
    assert separator.join(["id", "org"]) in str(refused.value)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-12-31T23:59:60Z", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-12-31T23:59:60.5+00:00", datetime(2027, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-12-31T24:00:00Z", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-12-31 24:00", datetime(2027, 1, 1, tzinfo=UTC)),
        ("20261231T2400Z", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-12-31T24:00:00+01:00", datetime(2026, 12, 31, 23, tzinfo=UTC)),
        ("2026-12-31T24:00:01Z", None),
        ("2026-12-31T25:00:00Z", None),
        ("2026-12-31T23:59:61Z", None),
        ("9999-12-31T24:00:00Z", None),
    ],
)
def test_the_ends_of_minutes_and_days_are_times(written: str, moment: datetime | None) -> None:
    outcome = clean_rows(GOOD | {"updated_at": written})
    assert [row["updated_at"] for row in outcome.rows] == ([] if moment is None else [moment])
    assert outcome.reasons == ([(1, "bad_type", "updated_at")] if moment is None else [])


def test_a_json_string_is_its_text(tmp_path: Path) -> None:
    items = pa.array(['"a"', "null", '" b "', '"a"', "1", '"c"', "{"], pa.json_())
    lists = pa.ListArray.from_arrays(pa.array([0, 4, 5, None, 6, 7]), items)
    outcome = read(parquet(tmp_path / "m.parquet", 5, tags=lists))
    assert [row["tags"] for row in outcome.rows] == [["a", "b"], ["c"], []]
    assert outcome.reasons == [(2, "bad_list", "tags"), (5, "bad_list", "tags")]
    scalars = pa.array(['"mit"', "null", None, "[]"], pa.json_())
    outcome = read(parquet(tmp_path / "m.parquet", 4, license=scalars, downloads=pa.array(["7"] * 4, pa.json_())))
    assert [(row["license"], row["downloads"]) for row in outcome.rows] == [("mit", 7), (None, 7), (None, 7)]
    assert outcome.reasons == [(4, "bad_type", "license")]


def list_of(items: list[Any], kind: Any) -> Any:
    """Return an array of one list of these items of an extension type."""
    return pa.ListArray.from_arrays(pa.array([0, len(items)], pa.int32()), pa.array(items, kind))


MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)

ARROW: dict[str, Any] = {
    "text": pa.array(["a"]),
    "large text": pa.array(["a"], pa.large_string()),
    "text view": pa.array(["a"], pa.string_view()),
    "bytes": pa.array([b"a"], pa.binary()),
    "binary of 16": pa.array([b"0123456789abcdef"], pa.binary(16)),
    "binary of 3": pa.array([b"abc"], pa.binary(3)),
    "dictionary": pa.array(["a"]).dictionary_encode(),
    "boolean": pa.array([True]),
    "null": pa.nulls(1),
    **{str(kind): pa.array([1], kind) for kind in (pa.int8(), pa.uint8(), pa.int16(), pa.int32(), pa.int64())},
    "uint64": pa.array([2**64 - 1], pa.uint64()),
    **{str(kind): pa.array([1.0], kind) for kind in (pa.float16(), pa.float32(), pa.float64())},
    **{
        f"{make.__name__} scale {scale}": pa.array([Decimal(1)], make(3, scale))
        for make in (pa.decimal32, pa.decimal64, pa.decimal128, pa.decimal256)
        for scale in (0, 1)
    },
    **{
        f"timestamp {unit}": pa.array([MOMENT]).cast(pa.timestamp(unit), safe=False) for unit in ("s", "ms", "us", "ns")
    },
    "timestamp zone": pa.array([MOMENT], pa.timestamp("us", tz="Europe/Berlin")),
    "date32": pa.array([date(2026, 1, 2)]),
    "date64": pa.array([date(2026, 1, 2)], pa.date64()),
    "time": pa.array([1], pa.time64("us")),
    "duration": pa.array([timedelta(seconds=1)]),
    "uuid": pa.array([b"0123456789abcdef"], pa.uuid()),
    "json": pa.array(['"a"'], pa.json_()),
    "list of text": pa.array([["a"]]),
    "large list": pa.array([["a"]], pa.large_list(pa.large_string())),
    "fixed list": pa.array([["a", "b"]], pa.list_(pa.string(), 2)),
    "list view": pa.array([["a"]], pa.list_view(pa.string())),
    "list of dictionary": pa.array([["a"]], pa.list_(pa.dictionary(pa.int32(), pa.string()))),
    "list of json": list_of(['"a"'], pa.json_()),
    "list of uuid": list_of([b"0123456789abcdef"], pa.uuid()),
    "list of integers": pa.array([[1]]),
    "list of lists": pa.array([[["a"]]]),
    "struct": pa.array([{"a": 1}]),
    "map": pa.array([[("a", "b")]], pa.map_(pa.string(), pa.string())),
    "empty list of nulls": pa.array([[]], pa.list_(pa.null())),
    "run ends": pa.RunEndEncodedArray.from_arrays(pa.array([1], pa.int32()), pa.array(["a"])),
}
COLUMNS = ("id", "org", "name", "license", "tags", "is_public", "updated_at", "parameters")


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("kind", ARROW)
def test_every_type_of_arrow_is_right_or_told_in_every_column(kind: str, column: str) -> None:
    raw = raw_batch([GOOD], has_header=True)
    columns = dict(raw.columns) | {column: ARROW[kind]}
    told(lambda: cleaned([type(raw)(file="m", numbers=raw.numbers, columns=columns, has_header=True)]), column)


def told(reading: Any, column: str, as_written: Sequence[Any] = ()) -> None:
    """See that a value arrives as one of those that are right, or that its row is rejected for it, or all refused."""
    try:
        outcome = reading()
    except (DataRefused, SourceError) as refused:
        assert column in str(refused) or "type" in str(refused) or "Parquet" in str(refused)  # noqa: PT017
        return
    assert len(outcome.rows) + len(outcome.rejects) == 1
    if outcome.rejects:
        assert outcome.rejects[0]["column"] == column
        assert outcome.rejects[0]["detail"]
    else:
        assert outcome.rows[0][column] in [*RIGHT[column], *as_written], outcome.rows[0][column]


UUIDS = "30313233-3435-3637-3839-616263646566"
SINGLE = ["a", "abc", "0123456789abcdef", "x", "1"]
RIGHT: dict[str, list[Any]] = {
    "id": [*SINGLE, "18446744073709551615", UUIDS],
    "org": SINGLE,
    "name": SINGLE,
    "license": [*SINGLE, None],
    "tags": [["a"], ["a", "b"], ["x"], []],
    "is_public": [True],
    "updated_at": [
        None,
        MOMENT,
        MOMENT.replace(microsecond=0),
        datetime(2026, 1, 2, tzinfo=UTC),
    ],
    "parameters": [None, 1],
}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("kind", ARROW)
def test_every_type_of_parquet_is_right_or_told_in_every_column(tmp_path: Path, kind: str, column: str) -> None:
    try:
        parquet(tmp_path / "m.parquet", **{column: ARROW[kind]})
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        pytest.skip("Arrow writes no Parquet of this type.")
    told(lambda: read(tmp_path / "m.parquet"), column)


POSTGRESQL = [
    "'a'::text",
    "'a'::varchar(3)",
    "'a'::char(3)",
    "'a'::name",
    "'a'::bytea",
    "TRUE",
    "1::int2",
    "1::int4",
    "1::int8",
    "1::float4",
    "1::float8",
    "1::numeric",
    "1.0::numeric(3,1)",
    "'NaN'::numeric",
    "'Infinity'::numeric",
    "'2026-01-02'::date",
    "'infinity'::date",
    "'-infinity'::date",
    "'0044-03-15 BC'::date",
    "'2026-01-02 03:04:05.678'::timestamp",
    "'2026-01-02 03:04:05.678+00'::timestamptz",
    "'infinity'::timestamptz",
    "'-infinity'::timestamp",
    "'294000-01-01'::timestamp",
    "'03:04:05'::time",
    "'1 day'::interval",
    f"'{UUIDS}'::uuid",
    "'\"a\"'::json",
    "'\"a\"'::jsonb",
    "'[\"a\"]'::jsonb",
    "'null'::jsonb",
    "'{a}'::text[]",
    "'{a}'::varchar(3)[]",
    "'{a}'::name[]",
    "'{1}'::int4[]",
    "ARRAY['\"a\"'::jsonb]",
    f"'{{{UUIDS}}}'::uuid[]",
    "'{{a,b},{c,d}}'::text[]",
    "'(1,2)'::point",
    "'[1,2)'::int4range",
    "'127.0.0.1'::inet",
    "'1'::bit",
    "'$1'::money",
    "1::oid",
    "NULL",
]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("value", POSTGRESQL)
def test_every_type_of_postgresql_is_right_or_told_in_every_column(
    postgres_server: PostgresServer, value: str, column: str
) -> None:
    values = {"id": "'x'", "org": "'x'", "name": "'x'", "is_public": "TRUE"} | {column: value}
    query = f"SELECT {', '.join(f'{written} AS {name}' for name, written in values.items())}"
    told(lambda: read_postgres(postgres_server, query), column)


SQLITE = ["'a'", "x'61'", "x'ff'", "1", "1.0", "1.5", "9e999", "-1", "'[\"a\"]'", "json('null')", "NULL", "''"]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("value", SQLITE)
def test_every_type_of_sqlite_is_right_or_told_in_every_column(tmp_path: Path, value: str, column: str) -> None:
    sqlite3.connect(tmp_path / "m.db").execute("CREATE TABLE t (a)").connection.close()
    values = {"id": "'x'", "org": "'x'", "name": "'x'", "is_public": "1"} | {column: value}
    query = f"SELECT {', '.join(f'{written} AS {name}' for name, written in values.items())}"
    told(lambda: read(f"sqlite:///{tmp_path / 'm.db'}", query), column, as_written=('["a"]', "null", "-1", -1))
