"""The composition root of the service over HTTP: it builds every part and connects them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from functools import partial

from litestar.types import ASGIApp

from facets_svc import metrics, tracing
from facets_svc.engine import chosen
from facets_svc.engine.base import Engine
from facets_svc.engine.duckdb import scope_counts
from facets_svc.errors import LakeError
from facets_svc.lake import Lake
from facets_svc.lake.bucket import user_cache
from facets_svc.lake.retention import RetainedSnapshots
from facets_svc.lake.snapshot import Snapshot
from facets_svc.sandbox.extract import Extracts
from facets_svc.sandbox.messages import Limits
from facets_svc.sandbox.service import SqlSandbox
from facets_svc.service.answers import ServedSnapshot
from facets_svc.service.earlier import EarlierSource, ModelCounts
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web.asgi import create_app_for
from facets_svc.web.metrics import JobOutcome

_logger = logging.getLogger(__name__)


def create_app_with_settings(settings: Settings) -> ASGIApp:
    """Return the service with these settings. Raises `SettingsError`, and `LakeError` for an unknown kind of lake."""
    if settings.tracing:
        tracing.start()
    chosen.require(settings)
    lake = Lake.open(settings.lake, cache=settings.cache_folder)

    def current_id() -> str | None:
        try:
            return lake.current()
        except LakeError as error:
            remembered = None if service.snapshot is not None else lake.remembered()
            if remembered is None:
                raise
            _logger.warning("The last snapshot known to be current, %s, is served: %s", remembered, error)
            return remembered

    def open_snapshot(snapshot_id: str) -> Engine:
        return chosen.open_engine(lake.snapshot(snapshot_id), settings)

    def open_current(snapshot_id: str) -> Engine:
        engine = open_snapshot(snapshot_id)
        metrics.snapshot_has(lake.snapshot(snapshot_id).manifest.models)
        return engine

    service = FacetService(
        current_id=current_id,
        open_engine=open_current,
        poll_seconds=settings.poll_seconds,
        concurrency=settings.concurrency,
        queue=settings.queue,
        deadline_seconds=settings.deadline_ms / 1000,
        cache_bytes=settings.cache_bytes,
        earlier=earlier_source(lake, open_snapshot, partial(chosen.scope_counts, settings=settings)),
        earlier_snapshots=settings.earlier_snapshots,
    )
    return create_app_for(service, settings, sql_sandbox(lake, settings), JobOutcome(lake.outcome))


def sql_sandbox(lake: Lake, settings: Settings) -> SqlSandbox:
    """Return the sandbox that runs SQL over the snapshots of `lake`, with the limits of the settings."""
    folder = (settings.cache_folder or user_cache()) / "sql" / hashlib.sha256(lake.location.encode()).hexdigest()[:16]
    limits = Limits(
        rows=settings.sql_rows,
        bytes=settings.sql_bytes,
        seconds=settings.sql_deadline_ms / 1000,
        memory_bytes=settings.sql_memory,
    )
    return SqlSandbox(Extracts(lake, folder), limits=limits, processes=settings.sql_processes, queue=settings.sql_queue)


def earlier_source(
    lake: Lake,
    open_snapshot: Callable[[str], Engine],
    counts_of: Callable[[Snapshot, Engine], ModelCounts] = scope_counts,
) -> EarlierSource:
    """Return the functions that list, open and count the earlier snapshots of `lake`."""
    retained = RetainedSnapshots(lake)

    def retained_until(current: str) -> list[ServedSnapshot]:
        return [ServedSnapshot(snapshot.id, snapshot.created_at) for snapshot in retained.until(current)]

    def count(snapshot_id: str, present: Engine) -> ModelCounts:
        return counts_of(lake.snapshot(snapshot_id), present)

    return EarlierSource(retained_until, open_snapshot, count)
