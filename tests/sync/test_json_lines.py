from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from facets_svc.errors import SourceError
from facets_svc.sync.batches import MAX_BATCH_ROWS
from facets_svc.sync.clean import Cleaner
from facets_svc.sync.sources import open_source
from facets_svc.sync.sources.files import MAX_LINE_BYTES
from tests.sync.reading import GOOD, read


def line(**columns: Any) -> bytes:
    return json.dumps(GOOD | columns).encode()


def written(path: Path, *lines: bytes, end: bytes = b"\n") -> Path:
    path.write_bytes(end.join(lines))
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "A.JSONL"])
def test_every_line_is_a_row_and_blank_lines_are_none(tmp_path: Path, name: str) -> None:
    outcome = read(written(tmp_path / name, line(id="a"), b"", b" \t ", line(id="b"), line(id="c")))
    assert [(row["id"], row["row"]) for row in outcome.rows] == [("a", 1), ("b", 4), ("c", 5)]
    assert {row["file"] for row in outcome.rows} == {str(tmp_path / name)}
    assert outcome.rejects == []


def test_line_ends_of_windows_and_a_byte_order_mark_are_no_text(tmp_path: Path) -> None:
    outcome = read(written(tmp_path / "a.jsonl", b"\xef\xbb\xbf" + line(id="a"), line(id="b"), b"", end=b"\r\n"))
    assert (outcome.ids, outcome.rejects) == (["a", "b"], [])


def test_gzip_is_unpacked_and_may_have_several_members(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(line(id="a") + b"\n" + line(id="b")[:10]) + gzip.compress(line(id="b")[10:]))
    assert read(path).ids == ["a", "b"]


def test_a_bad_line_rejects_its_row_and_not_the_file(tmp_path: Path) -> None:
    bad = [b'{"id": "x"', b"[1]", b"7", b'"text"', b"null", b'{"a": 01}', b"{'a': 1}", b"[" * 100_000, b'{"a": "\t"}']
    outcome = read(written(tmp_path / "a.jsonl", line(id="a"), *bad, line(id="b")))
    assert outcome.ids == ["a", "b"]
    assert outcome.reasons == [(row, "bad_line", None) for row in range(2, 2 + len(bad))]
    assert [reject["record"] for reject in outcome.rejects] == [raw.decode() for raw in bad]


def test_bad_text_rejects_its_row_and_not_the_file(tmp_path: Path) -> None:
    outcome = read(
        written(
            tmp_path / "a.jsonl",
            b'{"id": "\xff", "org": "ann", "name": "n", "is_public": 1}',
            line(name="half \ud83d"),
            line(name="NUL \0"),
            line(tags=["\udcff"]),
            line(unknown="\ud83d \0"),
            line(id="smile", name="\ud83d\ude00"),
        )
    )
    assert [(row["id"], row["name"]) for row in outcome.rows] == [("m", "n"), ("smile", "😀")]
    assert outcome.reasons == [
        (1, "bad_text", None),
        (2, "bad_text", "name"),
        (3, "bad_text", "name"),
        (4, "bad_text", "tags"),
    ]
    assert outcome.rejects[0]["record"] == r'{"id": "\xff", "org": "ann", "name": "n", "is_public": 1}'


def test_of_a_key_that_is_there_twice_the_last_counts(tmp_path: Path) -> None:
    outcome = read(written(tmp_path / "a.jsonl", b'{"id":"a","org":"ann","name":"n","is_public":1,"id":"b"}'))
    assert outcome.ids == ["b"]


def test_numbers_that_only_python_writes_are_read(tmp_path: Path) -> None:
    outcome = read(
        written(
            tmp_path / "a.jsonl",
            line(id="nan", parameters=float("nan")),
            line(id="inf", parameters=float("inf")),
            line(id="huge")[:-1] + b', "downloads": 1e400}',
            line(id="long")[:-1] + b', "downloads": ' + b"9" * 50 + b"}",
            line(id="longer")[:-1] + b', "downloads": ' + b"9" * 5000 + b"}",
        )
    )
    assert [(row["id"], row["parameters"]) for row in outcome.rows] == [("nan", None)]
    assert [(row, reason) for row, reason, _ in outcome.reasons[:3]] == [
        (2, "bad_type"),
        (3, "bad_type"),
        (4, "bad_type"),
    ]
    assert outcome.reasons[3][0] == 5


def test_an_over_long_line_is_no_row_and_the_next_one_is(tmp_path: Path) -> None:
    fits = line(id="fits", description="x" * (MAX_LINE_BYTES - len(line(id="fits", description=""))))
    path = written(tmp_path / "a.jsonl", line(id="a"), b" " * MAX_LINE_BYTES + line(id="b"), line(id="c"), fits)
    outcome = read(path)
    assert outcome.ids == ["a", "c", "fits"]
    assert outcome.reasons == [(2, "bad_line", None)]
    assert outcome.rejects[0]["detail"] == "longer than 16777216 bytes"


def test_an_over_long_line_may_be_the_last(tmp_path: Path) -> None:
    outcome = read(written(tmp_path / "a.jsonl", line(id="a"), b"x" * (2 * MAX_LINE_BYTES)))
    assert (outcome.ids, outcome.reasons) == (["a"], [(2, "bad_line", None)])
    assert len(outcome.rejects[0]["record"]) == MAX_LINE_BYTES + 1


def test_batches_come_before_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    whole = gzip.compress((line() + b"\n") * (MAX_BATCH_ROWS + 50_000))
    path.write_bytes(whole[:-20])
    batches = open_source(str(path)).batches()
    assert next(batches).rows == MAX_BATCH_ROWS
    with pytest.raises(SourceError, match=r"a\.jsonl\.gz is truncated or damaged"):
        list(batches)


def test_the_sizes_of_the_batches_add_up_to_the_source(tmp_path: Path) -> None:
    written(tmp_path / "a.jsonl", *[line()] * (MAX_BATCH_ROWS + 10))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(line()))
    source = open_source(str(tmp_path))
    sizes = [(batch.rows, batch.size_bytes) for batch in source.batches()]
    assert [rows for rows, _ in sizes] == [MAX_BATCH_ROWS, 10, 1]
    assert sum(size for _, size in sizes) == source.total_bytes == sum(f.stat().st_size for f in tmp_path.iterdir())


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    outcome = read(written(tmp_path / "a.jsonl"))
    assert (outcome.rows, outcome.rejects) == ([], [])


def test_a_file_of_bad_lines_alone_is_read_to_its_end(tmp_path: Path) -> None:
    cleaner = Cleaner()
    (batch,) = open_source(str(written(tmp_path / "a.jsonl", b"id,org", b"a,b"))).batches()
    assert cleaner.clean(batch).read == 2


def test_binary_is_no_json_lines(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.jsonl is binary, although its ending is that of JSON lines"):
        read(written(tmp_path / "a.jsonl", b"\x7fELF\0\0", b"\0\xff"))
