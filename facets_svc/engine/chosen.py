"""Opens the engine that the settings choose."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from facets_svc.engine import duckdb
from facets_svc.engine.base import Engine
from facets_svc.engine.sql_engine import SeenCounts
from facets_svc.errors import SettingsError
from facets_svc.lake.snapshot import Snapshot
from facets_svc.settings import DUCKDB, Settings

_MISSING = "FACETS_ENGINE=sc://… needs the extra `spark`: pip install 'facets-svc[spark]'."


def require(settings: Settings) -> None:
    """Raise `SettingsError` if the extra of the engine is not installed, without importing it."""
    needed = () if settings.engine == DUCKDB else ("pyspark", "grpc")
    if any(importlib.util.find_spec(name) is None for name in needed):
        raise SettingsError(_MISSING)


def open_engine(snapshot: Snapshot, settings: Settings) -> Engine:
    """Return an engine over `snapshot`. Raises `SnapshotCorrupt`, or `LakeError` if it cannot be read."""
    if settings.engine == DUCKDB:
        return duckdb.open_engine(snapshot, threads=settings.threads, memory_limit=settings.memory_limit)
    engine: Engine = _spark().open_spark_engine(snapshot, endpoint=settings.engine, location=_location(settings))
    return engine


def scope_counts(snapshot: Snapshot, present: Engine, settings: Settings) -> SeenCounts:
    """Return the number of models of an earlier snapshot that each org may see. Raises like `open_engine`.

    `present` is an engine over the current snapshot.
    """
    if settings.engine == DUCKDB:
        return duckdb.scope_counts(snapshot, present)
    counts: SeenCounts = _spark().spark_scope_counts(
        snapshot, present, endpoint=settings.engine, location=_location(settings)
    )
    return counts


def _location(settings: Settings) -> str:
    location: str = _spark().cluster_location(settings.engine_lake or settings.lake)
    return location


def _spark() -> ModuleType:
    """Import the engine over Spark, whose libraries are not in the default install."""
    try:
        return importlib.import_module("facets_svc.engine.spark")
    except ImportError:
        raise SettingsError(_MISSING) from None
