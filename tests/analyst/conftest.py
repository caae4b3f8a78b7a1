"""The tables over the sample: as it is, and as it might have been three weeks earlier."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facets_svc.analyst import database
from facets_svc.analyst.formats import rows_of
from facets_svc.analyst.rows import History, SnapshotRows, everything_in
from facets_svc.analyst.running import run
from facets_svc.analyst.statements import Piece
from facets_svc.catalogue import RECORD
from facets_svc.lake import Lake
from facets_svc.sync.job import run as sync
from facets_svc.sync.sources import open_source
from tests.catalogues import LENIENT
from tests.parity.published import Silence

EARLIER = ("20261101T020000Z-0a01", datetime(2026, 11, 1, 2, tzinfo=UTC))
NOW = ("20261124T020000Z-3f9c", datetime(2026, 11, 24, 2, tzinfo=UTC))


def ask(connection: duckdb.DuckDBPyConnection, text: str, **values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of the answer."""
    answer = run(connection, Piece(text, 0), values)
    assert answer is not None
    return [row for batch in answer.batches for row in rows_of(batch)]


def as_of_earlier(model: dict[str, Any], place: int) -> dict[str, Any] | None:
    """Return what the sample's model might have been earlier: one in five was not there, some were otherwise."""
    if place % 5 == 0:
        return None
    if place % 41 == 1:
        return {**model, "license": "other"}
    if place % 97 == 2:
        return {**model, "is_public": not model["is_public"]}
    return model


@pytest.fixture(scope="session")
def sample_lake(sample_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake of two snapshots: the sample as it was earlier, with two models that are gone now, and as it is."""
    folder = tmp_path_factory.mktemp("analyst")
    models = [json.loads(line) for line in sample_path.read_text(encoding="utf-8").splitlines()]
    earlier = [changed for place, model in enumerate(models) if (changed := as_of_earlier(model, place)) is not None]
    gone = [{"id": f"gone/{name}", "org": "gone", "name": name, "is_public": True} for name in ("a", "b")]
    path = folder / "earlier.jsonl"
    path.write_text("".join(json.dumps(model) + "\n" for model in earlier + gone), encoding="utf-8")
    lake = Lake.open(str(folder / "lake"))
    for source in (path, sample_path):
        sync(open_source(str(source)), lake, probe=lambda _: None, progress=Silence(), guards=LENIENT, threads=1)
    return lake


@pytest.fixture(scope="session")
def history(sample_lake: Lake) -> History:
    """The rows of both, under ids that are always the same."""
    found = everything_in(sample_lake)
    snapshots = tuple(
        dataclasses.replace(rows, snapshot_id=snapshot_id, created_at=created_at)
        for rows, (snapshot_id, created_at) in zip(found.snapshots, (EARLIER, NOW), strict=True)
    )
    return History(snapshots=snapshots, shown=NOW[0], current=NOW[0])


@pytest.fixture(scope="session")
def connection(history: History) -> Iterator[duckdb.DuckDBPyConnection]:
    with database.session(history, threads=1) as opened:
        yield opened


def over(path: Path, *models: dict[str, Any]) -> History:
    """Write `models` as a Parquet file at `path`, and return the history that has them in one snapshot."""
    filled = [{"tags": [], "task_categories": [], "is_public": True, **model} for model in models]
    pq.write_table(pa.Table.from_pylist(filled, schema=RECORD), path)
    rows = SnapshotRows(
        snapshot_id=NOW[0],
        created_at=NOW[1],
        files=(str(path),),
        models=len(models),
        public_models=sum(bool(model["is_public"]) for model in filled),
        orgs=len({model["org"] for model in models}),
    )
    return History(snapshots=(rows,), shown=NOW[0], current=NOW[0])
