from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.catalogue import BLOCK_ROWS, SCHEMA, Catalogue, write


@pytest.mark.parametrize("rows", [1, BLOCK_ROWS - 1, BLOCK_ROWS, 3 * BLOCK_ROWS])
def test_the_rows_are_the_same_however_many_are_written_at_a_time(rows: int, tmp_path: Path) -> None:
    models = 5 if rows == 1 else 2 * BLOCK_ROWS + 5
    write(tmp_path / "a.parquet", models, chunk_rows=rows)

    assert pq.read_table(tmp_path / "a.parquet").equals(pa.concat_tables(Catalogue(models).blocks()))


def test_the_rows_are_the_same_today_as_they_were() -> None:
    [block] = Catalogue(3).blocks()

    assert block.schema == SCHEMA
    assert block.select(["org", "name", "tags", "license", "is_public"]).to_pylist()[:2] == [
        {
            "org": "org-000001",
            "name": "mpt-awq-large-lora-0000000",
            "tags": ["transformers", "en", "gguf"],
            "license": None,
            "is_public": False,
        },
        {
            "org": "org-000001",
            "name": "mpt-8b-rlhf-sft-0000001",
            "tags": [],
            "license": "license-08",
            "is_public": True,
        },
    ]


def test_another_seed_gives_other_rows() -> None:
    [one], [other] = Catalogue(3).blocks(), Catalogue(3, seed=8).blocks()

    assert one.column("id") == other.column("id")
    assert one.column("name") != other.column("name")
