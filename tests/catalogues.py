"""Small catalogues, published for real."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path
from typing import Any

from facets_svc.engine.duckdb import open_engine
from facets_svc.lake import Lake, Snapshot
from facets_svc.sync import job
from facets_svc.sync.guards import Guards
from facets_svc.sync.report import Report
from facets_svc.sync.sources import open_source

LENIENT = Guards(
    max_rejects=Fraction(1),
    max_shrink=Fraction(1),
    max_made_public=1_000_000,
    max_lost_values=Fraction(1),
    max_lost_orgs=Fraction(1),
)
"""Publishes whatever has a usable row."""


class Silence:
    """Shows no progress."""

    def stage(self, _name: str, _total: int | None = None) -> AbstractContextManager[Callable[[int], None]]:
        return contextlib.nullcontext(lambda _units: None)


def model(number: int, org: str = "acme", *, is_public: bool = True, **columns: Any) -> dict[str, Any]:
    """Return a raw row with only what is required, and `columns`."""
    return {"id": f"m{number}", "org": org, "name": f"model-{number}", "is_public": is_public, **columns}


def write_catalogue(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write raw rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def probe(snapshot: Snapshot) -> None:
    """Open the snapshot as the service does."""
    open_engine(snapshot, threads=1, memory_limit="512MiB").close()


def sync(source: Path, lake: Lake, guards: Guards = LENIENT, *, cluster: bool = False) -> Report:
    """Publish the catalogue at `source`."""
    return job.run(
        open_source(str(source)), lake, probe=probe, progress=Silence(), guards=guards, threads=2, cluster=cluster
    )


def publish(rows: Sequence[dict[str, Any]], folder: Path, *, cluster: bool = False) -> Snapshot:
    """Publish raw rows into `folder/lake`, and return the snapshot."""
    folder.mkdir(parents=True, exist_ok=True)
    lake = Lake.open(str(folder / "lake"))
    sync(write_catalogue(folder / "catalogue.jsonl", rows), lake, cluster=cluster)
    return lake.snapshot()
