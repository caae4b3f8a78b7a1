"""The models themselves: the records that were synced, their order, and a file that is spoiled while it is served."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facets_svc.catalogue import ORDERS, RECORD
from facets_svc.engine.base import Interrupted, Interruption
from facets_svc.engine.duckdb import DuckdbEngine, open_engine
from facets_svc.engine.order import _page
from facets_svc.errors import LakeError, SnapshotCorrupt
from facets_svc.facets.query import FacetQuery, ModelQuery
from facets_svc.lake import Snapshot
from facets_svc.lake.lines import Lines, encode
from tests.catalogues import model, publish


def opened(snapshot: Snapshot) -> DuckdbEngine:
    return open_engine(snapshot, threads=1, memory_limit="256MiB")


def asked(org: str = "acme", *, limit: int = 200, **more: Any) -> ModelQuery:
    return ModelQuery(query=FacetQuery.of(org, include_public=True, limit=1, wanted=()), limit=limit, **more)


@given(st.lists(st.integers(0, 2**32 - 1), unique=True, max_size=60), st.integers(0, 70), st.integers(1, 70))
def test_a_page_is_a_part_of_what_is_sorted(keys: list[int], first: int, count: int) -> None:
    found = _page(np.array(keys, np.uint32), first, count)
    assert [keys[place] for place in found] == sorted(keys)[first : first + count]


@pytest.mark.parametrize("shape", ["random", "ascending", "descending", "two heaps", "one in a period"])
def test_a_page_of_many_is_found_whatever_order_they_lie_in(shape: str) -> None:
    count = 40_000
    chance = np.random.default_rng(1)
    keys = np.arange(count, dtype=np.uint32)
    if shape == "random":
        chance.shuffle(keys)
    elif shape == "descending":
        keys = keys[::-1].copy()
    elif shape == "two heaps":
        keys[count // 2 :] += 2**31
    elif shape == "one in a period":
        keys[::4] = np.sort(keys[::4] + 2**20)  # a sample of every fourth sees no other
    ordered = np.sort(keys)
    for first in (0, 1, 100, count // 2, count - 30, count - 1, count):
        assert keys[_page(keys, first, 50)].tolist() == ordered[first : first + 50].tolist()


def test_every_record_is_read_as_it_was_synced(tmp_path: Path) -> None:
    rows = [
        model(
            number,
            f"org-{number % 7}",
            is_public=number % 3 > 0,
            description=None if number % 5 == 0 else f"no {number}",
            tags=[f"z{number % 4}", f"a{number}"],
            task_categories=["b", "a"] if number % 2 else [],
            license="mit" if number % 2 else None,
            framework=f"f{number % 3}",
            downloads=number,
            created_at="2026-11-24T02:00:00Z",
        )
        for number in range(700)
    ]
    engine = opened(publish(rows, tmp_path))
    expected = {
        row["id"]: {name: row.get(name) for name in RECORD.names if name not in ("created_at", "updated_at")}
        for row in rows
        if row["is_public"] or row["org"] == "org-1"
    }
    records: list[dict[str, Any]] = []
    offset: int | None = 0
    while offset is not None:
        page = engine.models(asked("org-1", order="downloads", descending=False, offset=offset))
        records += page.records
        offset = page.following
    engine.close()
    assert [record["downloads"] for record in records] == sorted(
        row["downloads"] for row in rows if row["id"] in expected
    )
    assert {record["created_at"].isoformat() for record in records} == {"2026-11-24T02:00:00+00:00"}
    found = {record["id"]: {name: record[name] for name in expected[record["id"]]} for record in records}
    assert found == expected


def test_the_places_of_models_are_looked_at_in_the_scope_only(tmp_path: Path) -> None:
    mine = [
        model(number, created_at=f"2026-11-0{number + 1}", downloads=number % 3) | {"name": f"n{-number}"}
        for number in range(6)
    ]
    others = [model(100 + number, "other", is_public=False, downloads=number) for number in range(50)]
    answers = []
    for folder, rows in (("with", mine + others), ("without", mine)):
        engine = opened(publish(rows, tmp_path / folder))
        ways = [(order, descending) for order in ORDERS for descending in (True, False)]
        answers.append([engine.models(asked(order=order, descending=way)).records for order, way in ways])
        engine.close()
    assert answers[0] == answers[1]
    assert {len(records) for records in answers[0]} == {6}


def test_a_query_that_was_interrupted_reads_nothing(tmp_path: Path) -> None:
    engine = opened(publish([model(1)], tmp_path))
    interruption = Interruption()
    interruption.request()
    with pytest.raises(Interrupted):
        engine.models(asked(), interruption)
    engine.close()


def test_lines_of_another_length_are_refused_when_they_are_opened(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    content, lengths, checksums = encode(pa.array(["one", "", "drei ", "💾"]))
    path.write_bytes(content)
    lines = Lines(path, np.array(lengths, np.uint32), np.array(checksums, np.uint32))
    assert lines.read(np.array([3, 0, 2, 1])) == ["💾".encode(), b"one", "drei ".encode(), b""]
    lines.close()
    path.write_bytes(content + b"\n")
    with pytest.raises(SnapshotCorrupt, match="not as long"):
        Lines(path, np.array(lengths, np.uint32), np.array(checksums, np.uint32))


def test_a_file_that_is_gone_is_read_to_the_end(tmp_path: Path) -> None:
    snapshot = publish([model(number) for number in range(300)], tmp_path)
    engine = opened(snapshot)
    expected = engine.models(asked()).records
    Path(snapshot.index_file("public_texts")).unlink()
    assert engine.models(asked()).records == expected
    engine.close()


@pytest.mark.parametrize(("is_public", "name"), [(True, "public_texts.parquet"), (False, "private_texts.jsonl")])
def test_a_file_that_is_spoiled_after_it_was_opened_changes_no_answer(
    tmp_path: Path, *, is_public: bool, name: str
) -> None:
    rows = [
        model(number, is_public=is_public, description=f"text {number} " * 3, tags=[f"t{number}", "x"])
        for number in range(400)
    ]
    snapshot = publish(rows, tmp_path)
    path = snapshot.file(f"index/{name}")
    whole = path.read_bytes()
    engine = opened(snapshot)
    expected = engine.models(asked()).records
    chance = random.Random(4)  # noqa: S311 - always the same ones
    refused = 0
    for _ in range(200):
        place, bit = chance.randrange(len(whole)), chance.randrange(8)
        with path.open("r+b") as file:  # the same file: what was opened is changed
            file.seek(place)
            file.write(bytes([whole[place] ^ 1 << bit]))
        try:
            assert engine.models(asked()).records == expected
        except LakeError:
            refused += 1
        with path.open("r+b") as file:
            file.write(whole)
    assert refused > 50
    assert engine.models(asked()).records == expected
    with path.open("r+b") as file:
        file.truncate(100)
    with pytest.raises(LakeError, match="cannot be read"):
        engine.models(asked())
    engine.close()
