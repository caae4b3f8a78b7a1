from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facets_svc.errors import DataRefused, SourceError
from facets_svc.sync.batches import MAX_BATCH_ROWS
from facets_svc.sync.sources import open_source
from facets_svc.sync.sources.delimited import read_rows
from facets_svc.sync.sources.files import MAX_LINE_BYTES
from tests.sync.reading import read

HEADER = b"id,org,name,is_public,tags,description\n"


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_every_column_comes_as_text(tmp_path: Path) -> None:
    outcome = read(
        written(
            tmp_path / "a.csv",
            b"\xef\xbb\xbf"
            b"id,org,name,is_public,tags,created_at,downloads,parameters\r\n"
            b'7,ann,"N, ""n""",TRUE,"[""a"", ""b""]",2024-05-01,12.0,NaN\r\n'
            b"\r\n"
            b'8,ann,"two\r\nlines",0,,,,\r\n',
        )
    )
    assert outcome.rejects == []
    assert [
        (row["id"], row["name"], row["is_public"], row["tags"], row["downloads"], row["parameters"], row["row"])
        for row in outcome.rows
    ] == [("7", 'N, "n"', True, ["a", "b"], 12, None, 2), ("8", "two\r\nlines", False, [], None, None, 4)]


def test_gzip_is_unpacked(tmp_path: Path) -> None:
    assert read(written(tmp_path / "a.csv.gz", gzip.compress(HEADER + b"a,ann,n,1,,"))).ids == ["a"]


def test_a_bad_row_is_rejected_and_not_the_file(tmp_path: Path) -> None:
    outcome = read(
        written(
            tmp_path / "a.csv",
            HEADER
            + b"a,ann,n,1,,\n"
            + b"few,ann,n,1\n"
            + b"many,ann,n,1,,,\n"
            + b'stray,ann,n"n,1,,\n'
            + b'b,ann,n,1,,"quoted"\n'
            + b'after,ann,"n"n,1,,\n'
            + b"latin,ann,caf\xe9,1,,\n"
            + b"nul,ann,\0,1,,\n"
            + b'c,ann,n,1,"[""x""]","two\nlines"\n'
            + b'open,ann,n,1,,"never closed\n'
            + b"d,ann,n,1,,",
        )
    )
    assert outcome.ids == ["a", "b", "c", "d"]
    assert outcome.reasons == [
        (3, "bad_line", None),
        (4, "bad_line", None),
        (5, "bad_line", None),
        (7, "bad_line", None),
        (8, "bad_text", "name"),
        (9, "bad_text", "name"),
        (12, "bad_line", None),
    ]
    assert [reject["detail"] for reject in outcome.rejects[:3]] == [
        "4 cells where the header has 6",
        "7 cells where the header has 6",
        "an unpaired double quote",
    ]
    assert outcome.rejects[-1]["record"] == 'open,ann,n,1,,"never closed'


def test_an_over_long_row_is_rejected_and_not_the_file(tmp_path: Path) -> None:
    long = b"x" * MAX_LINE_BYTES
    quoted = b'"' + b"x\n" * (MAX_LINE_BYTES // 2) + b'"'
    content = HEADER + b"a,ann,n,1,," + long + b"\nb,ann,n,1,,\nc,ann,n,1,," + quoted[:10] + b"\nd,ann,n,1,,"
    outcome = read(written(tmp_path / "a.csv", content))
    assert outcome.ids == ["b", "d"]
    assert outcome.reasons[0] == (2, "bad_line", None)


def test_a_file_without_a_header_is_no_csv(tmp_path: Path) -> None:
    for content in (b"", b"\n\n"):
        with pytest.raises(SourceError, match=r"a\.csv is empty: a CSV file starts with a line of column names"):
            read(written(tmp_path / "a.csv", content))
    for content in (b"id,\xff\n", b"\x7fELF\0\0\n", b'"id\n'):
        with pytest.raises(SourceError, match=r"a\.csv does not start with a line of column names in UTF-8"):
            read(written(tmp_path / "a.csv", content))


def test_a_column_of_the_record_is_there_once(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match=r"a\.csv: the column id occurs more than once"):
        read(written(tmp_path / "a.csv", b"id,org,name,is_public,id\n"))
    assert read(written(tmp_path / "a.csv", b"id,org,name,is_public,x,x\na,ann,n,1,,\n")).ids == ["a"]


def test_an_absent_required_column_refuses_a_file_without_rows_too(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match=r"a\.csv: the required column org, is_public is missing"):
        read(written(tmp_path / "a.csv", b"id,name,public\n"))


def test_long_files_come_in_batches(tmp_path: Path) -> None:
    source = open_source(str(written(tmp_path / "a.csv", HEADER + b"a,ann,n,1,,\n" * (MAX_BATCH_ROWS + 1))))
    batches = list(source.batches())
    assert [batch.rows for batch in batches] == [MAX_BATCH_ROWS, 1]
    assert sum(batch.size_bytes for batch in batches) == source.total_bytes


CELLS = st.text(st.sampled_from('a,"\n\r é\0') | st.characters(codec="utf-8"), max_size=6)


@given(rows=st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=6), terminator=st.sampled_from(["\n", "\r\n"]))
def test_what_pythons_csv_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], terminator: str
) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator=terminator).writerows(rows)
    path = written(tmp_path_factory.mktemp("csv") / "a.csv", buffer.getvalue().encode())
    assert [[cell.decode() for cell in row.cells or ()] for row in read_rows(path)] == rows
