from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from facets_svc.errors import SettingsError, SourceError
from facets_svc.sync.sources import SAMPLE, open_source
from tests.sync.reading import read

LINE = b'{"id": "%s", "org": "ann", "name": "n", "is_public": true}\n'
CSV = b"id,org,name,is_public\n%s,ann,n,1\n"


def test_the_sample_comes_with_the_package() -> None:
    assert len(read(SAMPLE).rows) == 2_974
    assert open_source(SAMPLE).label == "sample:"


def test_a_folder_and_a_glob_hold_files_of_one_kind(tmp_path: Path) -> None:
    (tmp_path / "b.ndjson").write_bytes(LINE % b"b")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(LINE % b"a"))
    (tmp_path / "c[1].jsonl").write_bytes(LINE % b"c")
    assert read(tmp_path).ids == ["a", "b", "c"]
    assert read(tmp_path / "*.*json*").ids == ["a", "b", "c"]
    assert read(tmp_path / "c[1].jsonl").ids == ["c"]
    (tmp_path / "d.csv").write_bytes(CSV % b"d")
    with pytest.raises(SourceError, match=r"mixes formats: "):
        open_source(str(tmp_path))
    assert read(tmp_path / "*.csv").ids == ["d"]


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("absent.jsonl", r"^The file or folder .*absent\.jsonl does not exist\.$"),
        ("absent", r"^The file or folder .*absent does not exist\.$"),
        ("*.parquet", r"^No file matches .*\*\.parquet\.$"),
        (
            "empty",
            r"^.*empty has no file that ends in \.jsonl, \.jsonl\.gz, \.ndjson, .*\.parquet, \.csv, \.csv\.gz\.$",
        ),
        ("models.json", r"models\.json does not end in "),
        ("models.parquet.gz", r"models\.parquet\.gz does not end in "),
    ],
)
def test_a_source_that_cannot_be_read_is_named(tmp_path: Path, location: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "models.json").touch()
    (tmp_path / "models.parquet.gz").touch()
    with pytest.raises(SourceError, match=message):
        open_source(str(tmp_path / location))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"PAR1....", "is a Parquet file, although its ending is that of text"),
        ("a.csv", b"\x1f\x8b....", "is compressed by gzip, although"),
        ("a.csv", b"PK\x03\x04....", "is a ZIP archive, although"),
        ("a.jsonl", b"SQLite format 3\0", "is a SQLite database, although"),
        ("a.jsonl", "\ufeff{}".encode("utf-16-le"), "is text in UTF-16, although"),
        ("a.jsonl.gz", b"{}", "is not compressed by gzip, although its ending says so"),
        ("a.jsonl.gz", gzip.compress(b"PAR1....", mtime=0), "is a Parquet file, although"),
    ],
    ids=str,
)
def test_a_file_that_is_not_what_its_ending_says_is_named(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=f"{name} {message}"):
        read(path)


def test_a_gzip_file_that_is_damaged_is_named(tmp_path: Path) -> None:
    whole = gzip.compress(LINE % b"a" * 1000)
    path = tmp_path / "a.jsonl.gz"
    for content in (whole[:30], whole[:-4], whole[:20] + b"\xff" * 20 + whole[40:], whole + b"rubbish"):
        path.write_bytes(content)
        with pytest.raises(SourceError, match=r"a\.jsonl\.gz is truncated or damaged"):
            read(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.touch(mode=0)
    with pytest.raises(SourceError, match=r"a\.jsonl cannot be read: Permission denied"):
        open_source(str(path))


def test_a_file_that_goes_away_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINE % b"a")
    source = open_source(str(path))
    path.unlink()
    with pytest.raises(SourceError, match=r"a\.jsonl cannot be read: No such file"):
        list(source.batches())


@pytest.mark.parametrize("location", ["mysql://ann:geheim@host/db", "s3://bucket/key", "https://ann:geheim@host/a.csv"])
def test_a_source_that_is_not_supported_yet_is_refused_without_its_credentials(location: str) -> None:
    with pytest.raises(SourceError, match="are not supported yet") as refused:
        open_source(location)
    assert "geheim" not in str(refused.value)


def test_a_query_is_for_databases(tmp_path: Path) -> None:
    for location in (SAMPLE, str(tmp_path)):
        with pytest.raises(SettingsError, match="A query is for a database"):
            open_source(location, query="SELECT 1")
