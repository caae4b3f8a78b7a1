from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from facets_svc.lake import FolderLake, Lake, Snapshot, files
from facets_svc.lake.folder import Draft
from facets_svc.lake.manifest import Manifest

NUMBERS = pa.schema([pa.field("number", pa.int64())])


def written(draft: Draft, numbers: list[int]) -> Manifest:
    """Write a snapshot of two small files, and return its manifest."""
    entries = []
    for name in ("index/numbers.parquet", "models/numbers.parquet"):
        files.write_parquet(draft.path / name, NUMBERS, [pa.record_batch([numbers], schema=NUMBERS)])
        entries.append(files.describe(draft.path, draft.path / name))
    return Manifest(
        id=draft.id,
        created_at=draft.created_at,
        source="numbers",
        writer="a test",
        models=len(numbers),
        public_models=0,
        orgs=0,
        facet_values={},
        rows_read=len(numbers),
        rejected={},
        files=tuple(entries),
    )


@pytest.fixture
def lake(tmp_path: Path) -> FolderLake:
    return FolderLake(tmp_path / "lake")


@pytest.fixture
def publish(lake: Lake) -> Callable[..., Snapshot]:
    def publish_numbers(*numbers: int) -> Snapshot:
        with lake.writing() as writer, writer.draft() as draft:
            return writer.publish(writer.seal(draft, written(draft, list(numbers))))

    return publish_numbers
