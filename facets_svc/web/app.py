"""The composition root of the service over HTTP: the one place that knows everybody."""

from __future__ import annotations

import hashlib
import logging
import logging.config
import os
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
from facets_svc.service.answered import ServedSnapshot
from facets_svc.service.earlier import Counts, Past
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web import logs
from facets_svc.web.asgi import create_app_for
from facets_svc.web.metrics import JobOutcome

_logger = logging.getLogger(__name__)


def create_app() -> ASGIApp:
    """Build the service from the environment, for any ASGI server (`facets_svc.web.app:create_app` as a factory)."""
    settings = Settings.from_env(os.environ)
    logging.config.dictConfig(logs.configuration(settings.log_level))
    return create_app_with_settings(settings)


def create_app_with_settings(settings: Settings) -> ASGIApp:
    """Build everything from settings. Raises `SettingsError`, or `LakeError` for a lake of a kind that there is not."""
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
        past=past(lake, open_snapshot, partial(chosen.scope_counts, settings=settings)),
        earlier_snapshots=settings.earlier_snapshots,
    )
    return create_app_for(service, settings, sql_sandbox(lake, settings), JobOutcome(lake.outcome))


def sql_sandbox(lake: Lake, settings: Settings) -> SqlSandbox:
    """Return what answers SQL over the snapshots of `lake`, as the settings say."""
    folder = (settings.cache_folder or user_cache()) / "sql" / hashlib.sha256(lake.location.encode()).hexdigest()[:16]
    limits = Limits(
        rows=settings.sql_rows,
        bytes=settings.sql_bytes,
        seconds=settings.sql_deadline_ms / 1000,
        memory_bytes=settings.sql_memory,
    )
    return SqlSandbox(Extracts(lake, folder), limits=limits, processes=settings.sql_processes, queue=settings.sql_queue)


def past(
    lake: Lake, open_snapshot: Callable[[str], Engine], counts_of: Callable[[Snapshot, Engine], Counts] = scope_counts
) -> Past:
    """Return where the earlier snapshots of a lake come from."""
    retained = RetainedSnapshots(lake)

    def retained_until(current: str) -> list[ServedSnapshot]:
        return [ServedSnapshot(snapshot.id, snapshot.created_at) for snapshot in retained.until(current)]

    def count(snapshot_id: str, present: Engine) -> Counts:
        return counts_of(lake.snapshot(snapshot_id), present)

    return Past(retained_until, open_snapshot, count)
