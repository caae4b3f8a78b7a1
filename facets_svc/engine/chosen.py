"""The engine that the settings choose."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from facets_svc.engine import duckdb
from facets_svc.engine.base import Engine
from facets_svc.engine.sql_engine import SeenCounts
from facets_svc.errors import SettingsError
from facets_svc.lake.snapshot import Snapshot
from facets_svc.settings import DUCKDB, Settings

_MISSING = "FACETS_ENGINE=sc://… needs the extra `spark`: pip install 'facets-svc[spark]'."


def require(settings: Settings) -> None:
    """Raise `SettingsError` when the extra that the engine needs is missing. Imports none of it."""
    needed = () if settings.engine == DUCKDB else ("pyspark", "grpc")
    if any(importlib.util.find_spec(name) is None for name in needed):
        raise SettingsError(_MISSING)


def open_engine(snapshot: Snapshot, settings: Settings) -> Engine:
    """Open `snapshot`. Raises `SnapshotCorrupt` or `LakeError` when it cannot be read."""
    if settings.engine == DUCKDB:
        return duckdb.open_engine(snapshot, threads=settings.threads, memory_limit=settings.memory_limit)
    engine: Engine = _spark().open_spark_engine(snapshot, endpoint=settings.engine, location=_location(settings))
    return engine


def scope_counts(snapshot: Snapshot, present: Engine, settings: Settings) -> SeenCounts:
    """Count the models of an earlier snapshot that each org may be shown. Raises like `open_engine`."""
    if settings.engine == DUCKDB:
        return duckdb.scope_counts(snapshot, present)
    counts: SeenCounts = _spark().spark_scope_counts(
        snapshot, present, endpoint=settings.engine, location=_location(settings)
    )
    return counts


def _location(settings: Settings) -> str:
    location: str = _spark().cluster_location(settings.engine_lake or settings.lake)
    return location


def _spark() -> Any:
    """Import the engine over Spark, which the default install has not the libraries of."""
    return importlib.import_module("facets_svc.engine.spark")
