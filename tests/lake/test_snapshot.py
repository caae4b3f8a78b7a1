from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec import structs

from facets_svc.errors import SnapshotCorrupt
from facets_svc.lake import Lake, Snapshot, files
from facets_svc.lake.manifest import FileEntry, encode
from tests.lake.conftest import written

Publish = Callable[..., Snapshot]

INDEX = "index/numbers.parquet"
MODELS = "models/numbers.parquet"


def test_a_whole_snapshot_verifies_and_tells_its_bytes(publish: Publish) -> None:
    snapshot = publish(*range(1000))
    told: list[int] = []
    snapshot.verify(advance=told.append)
    assert told == [entry.bytes for entry in snapshot.manifest.files]


@pytest.mark.parametrize("name", [INDEX, MODELS])
def test_any_flipped_bit_of_any_file_is_found(publish: Publish, name: str) -> None:
    snapshot = publish(*range(1000))
    path = snapshot.path / name
    content = path.read_bytes()
    chosen = random.Random(7)  # noqa: S311 - which bits, always the same ones
    for place in chosen.sample(range(len(content)), 40):
        spoiled = bytearray(content)
        spoiled[place] ^= 1 << chosen.randrange(8)
        path.write_bytes(spoiled)
        with pytest.raises(SnapshotCorrupt, match=name):
            snapshot.verify()


@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(path.read_bytes()[:-1]), Path.unlink, Path.touch])
def test_a_file_that_is_cut_or_missing_is_found(publish: Publish, spoil: Callable[[Path], None]) -> None:
    snapshot = publish(1)
    path = snapshot.path / INDEX
    if spoil is Path.touch:
        path.write_bytes(b"")
    spoil(path)
    with pytest.raises(SnapshotCorrupt, match=INDEX):
        snapshot.verify(index_only=True)


def test_before_serving_only_the_index_is_read(publish: Publish) -> None:
    snapshot = publish(1)
    (snapshot.path / MODELS).unlink()
    snapshot.verify(index_only=True)
    with pytest.raises(SnapshotCorrupt, match="is missing"):
        snapshot.verify()


def test_two_files_that_changed_places_are_found(publish: Publish) -> None:
    first, second = publish(1), publish(2)
    theirs = (first.path / INDEX).read_bytes()
    (first.path / INDEX).write_bytes((second.path / INDEX).read_bytes())
    (second.path / INDEX).write_bytes(theirs)
    for snapshot in (first, second):
        with pytest.raises(SnapshotCorrupt, match="its checksum differs"):
            snapshot.verify(index_only=True)


def entered(path: Path) -> FileEntry:
    return files.describe(path.parent, path)


def test_brotli_is_refused_even_where_the_manifest_agrees(tmp_path: Path) -> None:
    path = tmp_path / "numbers.parquet"
    pq.write_table(pa.table({"number": list(range(1000))}), path, compression="brotli")
    with pytest.raises(SnapshotCorrupt, match="compressed with Brotli"):
        files.check_parquet(tmp_path, entered(path), pages=False)


def test_a_page_that_does_not_match_its_crc_is_found_even_where_the_manifest_agrees(tmp_path: Path) -> None:
    path = tmp_path / "numbers.parquet"
    schema = pa.schema([pa.field("number", pa.int64())])
    files.write_parquet(path, schema, [pa.record_batch([list(range(1000))], schema=schema)])
    start = pq.ParquetFile(path).metadata.row_group(0).column(0).data_page_offset
    spoiled = bytearray(path.read_bytes())
    spoiled[start + 200] ^= 1
    path.write_bytes(spoiled)
    files.check_parquet(tmp_path, entered(path), pages=False)
    with pytest.raises(SnapshotCorrupt, match="cannot be read as Parquet"):
        files.check_parquet(tmp_path, entered(path), pages=True)


def test_a_file_of_other_rows_than_entered_is_found(tmp_path: Path) -> None:
    path = tmp_path / "numbers.parquet"
    pq.write_table(pa.table({"number": [1]}), path)
    with pytest.raises(SnapshotCorrupt, match="has 1 rows instead of 2"):
        files.check_parquet(tmp_path, FileEntry(path=path.name, rows=2, bytes=0, sha256="0" * 64), pages=False)


def test_a_folder_without_a_manifest_is_corrupt(publish: Publish, lake: Lake) -> None:
    snapshot = publish(1)
    (snapshot.path / "manifest.json").unlink()
    with pytest.raises(SnapshotCorrupt, match=r"has no manifest\.json"):
        lake.snapshot()


def test_a_manifest_of_another_snapshot_is_found(publish: Publish, lake: Lake) -> None:
    first, second = publish(1), publish(1)
    (second.path / "manifest.json").write_bytes(encode(first.manifest))
    with pytest.raises(SnapshotCorrupt, match=f"its manifest names {first.id}"):
        lake.snapshot()


def test_rows_are_regrouped_whatever_the_batches(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("number", pa.int64())])
    sizes = [1, files.ROW_GROUP_ROWS, 5, files.ROW_GROUP_ROWS * 2]
    batches = [pa.record_batch([range(size)], schema=schema) for size in sizes]
    assert files.write_parquet(tmp_path / "numbers.parquet", schema, batches) == sum(sizes)
    metadata = pq.ParquetFile(tmp_path / "numbers.parquet").metadata
    groups = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    assert groups == [files.ROW_GROUP_ROWS] * 3 + [6]


def test_a_file_that_is_no_parquet_has_no_rows_and_its_bytes_are_verified(lake: Lake) -> None:
    with lake.writing() as writer, writer.draft() as draft:
        (draft.path / "report.json").write_bytes(b"{}")
        manifest = written(draft, [1])
        report = files.describe(draft.path, draft.path / "report.json")
        snapshot = writer.publish(writer.seal(draft, structs.replace(manifest, files=(*manifest.files, report))))
    assert report.rows is None
    snapshot.verify()
    (snapshot.path / "report.json").write_bytes(b"[]")
    with pytest.raises(SnapshotCorrupt, match=r"report\.json has changed since it was written"):
        snapshot.verify()
