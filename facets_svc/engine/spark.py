"""The engine over Spark Connect: a cluster reads the tables of a snapshot from Parquet and runs the same statements."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from pathlib import Path

from facets_svc.engine.base import Engine, Interruption
from facets_svc.engine.index import Index
from facets_svc.engine.spark_instance import CHECK_EVERY_SECONDS, CHECK_SECONDS, SparkInstance, shown
from facets_svc.engine.sql_engine import CURRENT, SEEN, SeenCounts, SqlEngine
from facets_svc.errors import LakeError, SnapshotCorrupt, Unavailable
from facets_svc.lake.snapshot import CLUSTER, Snapshot


def open_spark_engine(snapshot: Snapshot, *, endpoint: str, location: str) -> SparkEngine:
    """Return an engine over the tables of `snapshot`, on the Spark Connect server at `endpoint`.

    `location` is the location of the lake for the cluster. Only the cluster reads the files: this process checks the
    number of models, and no bytes. Raises `SnapshotCorrupt` if the number differs from the manifest, `LakeError` if the
    snapshot has no such tables or the server cannot read them.
    """
    instance = SparkInstance(endpoint, _tables(snapshot, location), snapshot_id=snapshot.id)
    everything = {"public_first": 0, "public_end": snapshot.manifest.models, "private_first": 0, "private_end": 0}
    try:
        with instance.cursor(Interruption()) as cursor:
            [(models,)] = cursor.rows("facets/number", everything)
        if models != snapshot.manifest.models:
            raise SnapshotCorrupt(f"it has {models} models instead of {snapshot.manifest.models}.")
        index = Index.read(instance, public_models=snapshot.manifest.public_models)
    except SnapshotCorrupt as error:
        instance.close()
        raise SnapshotCorrupt(f"The snapshot {snapshot.id} is corrupt: {error}") from None
    except Unavailable as error:
        instance.close()
        raise LakeError(
            f"{shown(endpoint)} cannot read the snapshot {snapshot.id}. The log has the reason. The cluster must find "
            f"the lake at {location}."
        ) from error
    return SparkEngine(snapshot, instance, index)


class SparkEngine(SqlEngine[SparkInstance]):
    """Answers queries over one snapshot, by a Spark Connect server."""

    @property
    def reachable(self) -> bool:
        """Whether the last call to the server succeeded."""
        return self._instance.reachable

    def check(self) -> None:
        """Call the server unless it has just answered. Blocks for seconds if it does not answer."""
        if self.reachable and time.monotonic() - self._instance.answered_at < CHECK_EVERY_SECONDS:
            return
        with suppress(Unavailable), self._instance.cursor(Interruption(), seconds=CHECK_SECONDS) as cursor:
            cursor.rows("facets/frequent_words", {})

    def seen_from(self, present: Engine) -> SparkEngine:
        """Return an engine over this snapshot that shows only the models that may be shown of an earlier snapshot.

        `present` is an engine over the current snapshot. Each statement joins the models of both.
        """
        models, current = _current(present)
        both = self._instance.beside({CURRENT: models}, {SEEN: "facets/seen"})
        return SparkEngine(self._snapshot, both, self._index, current=current)


def spark_scope_counts(snapshot: Snapshot, present: Engine, *, endpoint: str, location: str) -> SeenCounts:
    """Return the number of models of an earlier snapshot that each org may see; `present` is over the current snapshot.

    Raises `LakeError` if the server cannot read its tables.
    """
    models, current = _current(present)
    tables = _tables(snapshot, location) | {CURRENT: models}
    instance = SparkInstance(endpoint, tables, snapshot_id=snapshot.id)
    try:
        with closing(instance), instance.cursor(Interruption()) as cursor:
            return SeenCounts.read(
                cursor, public_end=snapshot.manifest.public_models, now_public_end=current.public.end
            )
    except Unavailable as error:
        raise LakeError(f"{shown(endpoint)} cannot read the snapshot {snapshot.id}. The log has the reason.") from error


def cluster_location(lake: str) -> str:
    """Return the URL of a lake for a cluster that has access to the same folder or bucket."""
    return lake if "://" in lake else Path(lake).absolute().as_uri()


def _tables(snapshot: Snapshot, location: str) -> dict[str, list[str]]:
    """Return the URLs of the files of each table, by the name of the table."""
    tables: dict[str, list[str]] = {}
    for entry in snapshot.entries(CLUSTER):
        table = entry.path.removeprefix(CLUSTER).partition("/")[0]
        tables.setdefault(table, []).append(f"{location.rstrip('/')}/snapshots/{snapshot.id}/{entry.path}")
    if not tables:
        raise LakeError(f"The snapshot {snapshot.id} has no tables for a cluster. Run `facets-svc sync --cluster`.")
    return tables


def _current(present: Engine) -> tuple[list[str], Index]:
    """Return the URLs of the files of the models of the current snapshot, and its index."""
    if not isinstance(present, SparkEngine):
        raise TypeError("Engines of different kinds cannot compare their snapshots.")
    return present._instance.tables["models"], present._index  # noqa: SLF001 - the class is in this module
