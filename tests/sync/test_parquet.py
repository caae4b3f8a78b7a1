from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facets_svc.errors import DataRefused, SourceError
from facets_svc.sync.batches import MAX_BATCH_BYTES
from facets_svc.sync.sources import open_source
from tests.sync.reading import GOOD, read


def written(path: Path, *rows: dict[str, Any], schema: Any = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema), path)
    return path


def test_files_are_read_in_sorted_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b/x", "a/y", "a/x", "a-x"):
        written(tmp_path / f"{name}.parquet", GOOD | {"id": name}, GOOD | {"id": f"{name} 2"})
    for hidden in ("_tmp/x", ".hidden", "a/_x"):
        written(tmp_path / f"{hidden}.parquet", GOOD)
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "README.md").touch()
    expected = ["a-x", "a-x 2", "a/x", "a/x 2", "a/y", "a/y 2", "b/x", "b/x 2"]
    assert read(tmp_path).ids == expected
    assert read(tmp_path / "**" / "[!_.]*.parquet").ids != []
    assert read(tmp_path / "a" / "[xy].parquet").ids == expected[2:6]
    assert [(row["seq"], row["row"]) for row in read(tmp_path).rows] == [(seq, 1 + seq % 2) for seq in range(8)]


def test_each_file_has_columns_of_its_own(tmp_path: Path) -> None:
    written(tmp_path / "1.parquet", GOOD | {"id": "a", "license": "mit", "tags": ["x"], "extra": 1})
    written(tmp_path / "2.parquet", GOOD | {"id": 2, "tags": '["y"]', "description": "d"})
    outcome = read(tmp_path)
    assert [(row["id"], row["license"], row["tags"], row["description"]) for row in outcome.rows] == [
        ("a", "mit", ["x"], None),
        ("2", None, ["y"], "d"),
    ]
    assert outcome.cleaner.unknown_columns == ("extra",)
    assert {"license", "description"} <= set(outcome.cleaner.absent_columns)
    assert "tags" not in outcome.cleaner.absent_columns


def test_columns_that_a_file_lacks_are_taken_from_its_folders(tmp_path: Path) -> None:
    rest = {"id": "a", "name": "n"}
    written(tmp_path / "org=ann%2Eb" / "is_public=true" / "license=__HIVE_DEFAULT_PARTITION__" / "x.parquet", rest)
    written(tmp_path / "org=bob" / "is_public=0" / "license=mit" / "x.parquet", rest | {"org": "eve"})
    outcome = read(tmp_path)
    assert [(row["org"], row["is_public"], row["license"]) for row in outcome.rows] == [
        ("ann.b", True, None),
        ("eve", False, "mit"),
    ]


def test_a_required_column_that_one_file_lacks_refuses_the_source(tmp_path: Path) -> None:
    written(tmp_path / "1.parquet", GOOD)
    written(tmp_path / "2.parquet", {"id": "b", "name": "n", "is_public": True})
    with pytest.raises(DataRefused, match=r"2\.parquet: the required column org is missing"):
        read(tmp_path)


def test_a_file_without_rows_tells_its_columns(tmp_path: Path) -> None:
    schema = pa.schema(
        [("id", pa.uuid()), ("org", "string"), ("name", "string"), ("is_public", "bool"), ("licence", "int8")]
    )
    outcome = read(written(tmp_path / "a.parquet", schema=schema))
    assert (outcome.rows, outcome.cleaner.unknown_columns) == ([], ("licence",))
    assert "license" in outcome.cleaner.absent_columns


@pytest.mark.parametrize("schema", [None, pa.schema([])], ids=["unknown columns only", "no columns"])
def test_a_file_of_nothing_that_is_asked_for_is_refused(tmp_path: Path, schema: Any) -> None:
    path = written(tmp_path / "a.parquet", *([{"x": 1}] if schema is None else []), schema=schema)
    with pytest.raises(DataRefused, match=r"a\.parquet: the required column id, org, name, is_public is missing"):
        read(path)


def test_a_list_column_of_another_type_refuses_the_source_even_without_rows(tmp_path: Path) -> None:
    schema = pa.schema(
        [("id", "string"), ("org", "string"), ("name", "string"), ("is_public", "bool"), ("tags", "int64")]
    )
    with pytest.raises(DataRefused, match=r"a\.parquet: the column tags has type int64, which is not a list of text"):
        read(written(tmp_path / "a.parquet", schema=schema))


def test_a_column_of_the_record_is_there_once(tmp_path: Path) -> None:
    columns = [pa.array(["a"])] * 3
    pq.write_table(pa.Table.from_arrays(columns, names=["id", "id", "org"]), tmp_path / "a.parquet")
    with pytest.raises(DataRefused, match=r"a\.parquet: the column id occurs more than once"):
        read(tmp_path / "a.parquet")


def test_text_that_is_no_utf8_rejects_its_row(tmp_path: Path) -> None:
    table = pa.table({name: [value] * 2 for name, value in GOOD.items()})
    names = pa.array([b"caf\xe9", b"caf\xc3\xa9"], pa.binary()).view(pa.string())
    pq.write_table(table.set_column(2, "name", names), tmp_path / "a.parquet")
    outcome = read(tmp_path / "a.parquet")
    assert [row["name"] for row in outcome.rows] == ["café"]
    assert outcome.reasons == [(1, "bad_text", "name")]


@pytest.mark.parametrize("repeated", [True, False], ids=["one long text", "many long texts"])
def test_rows_that_are_large_come_in_small_batches(tmp_path: Path, *, repeated: bool) -> None:
    long = 1_000_000
    rows = [GOOD | {"id": str(n), "description": f"{0 if repeated else n:0{long}}"} for n in range(100)]
    source = open_source(str(written(tmp_path / "a.parquet", *rows)))
    batches = [(batch.rows, batch.size_bytes) for batch in source.batches()]
    assert sum(rows for rows, _ in batches) == 100
    assert max(rows for rows, _ in batches) <= MAX_BATCH_BYTES / long
    assert sum(size for _, size in batches) == source.total_bytes


def test_a_file_that_is_no_parquet_or_cut_off_is_named(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.parquet", GOOD).read_bytes()
    for content, message in (
        (b"id,org\n", r"a\.parquet is not a Parquet file, although its ending says so"),
        (b"", r"a\.parquet is not a Parquet file, although its ending says so"),
        (whole[:-10], r"a\.parquet is not a readable Parquet file: "),
        (b"PAR1", r"a\.parquet is not a readable Parquet file: "),
    ):
        (tmp_path / "a.parquet").write_bytes(content)
        with pytest.raises(SourceError, match=message):
            open_source(str(tmp_path / "a.parquet"))


def test_a_page_that_is_damaged_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.Table.from_pylist([GOOD])
    pq.write_table(
        table, path, compression="none", use_dictionary=False, write_statistics=False, write_page_checksum=True
    )
    content = path.read_bytes()
    place = content.index(b"ann")
    path.write_bytes(content[:place] + b"bob" + content[place + 3 :])
    with pytest.raises(SourceError, match=r"a\.parquet is damaged: "):
        read(path)
