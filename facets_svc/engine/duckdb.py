"""The engine over DuckDB, on the index file of a snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing
from typing import Final

import duckdb
import pyarrow as pa

from facets_svc import duck
from facets_svc.engine.base import Engine, Interruption
from facets_svc.engine.duckdb_instance import DuckdbInstance, Ran
from facets_svc.engine.index import Index, Org
from facets_svc.engine.selection import Parameters
from facets_svc.engine.sql_engine import CURRENT, SEEN, SeenCounts, SqlEngine, scope_of
from facets_svc.errors import LakeError, SnapshotCorrupt, Unavailable
from facets_svc.facets.query import FacetQuery, ModelQuery, ValueQuery
from facets_svc.facets.totals import Rows
from facets_svc.lake.snapshot import INDEX, Snapshot

_NO_ROWS: Final = Rows()

_TRIES: Final = 5
"""Attempts to fetch the copy of an index file and open it."""


def open_engine(snapshot: Snapshot, *, threads: int, memory_limit: str) -> DuckdbEngine:
    """Verify the index of `snapshot`, and return an engine over it.

    `threads` and `memory_limit` (such as `2GiB`; empty: DuckDB's default) are DuckDB's. Raises `SnapshotCorrupt` if the
    file does not match the manifest, `SnapshotFormat` if it is of another format, `LakeError` if it cannot be read.
    """
    snapshot.verify(index_only=True)
    try:
        with _reading(snapshot):
            instance = DuckdbInstance(
                snapshot.file(INDEX), snapshot_id=snapshot.id, threads=threads, memory_limit=memory_limit
            )
            return DuckdbEngine(snapshot, instance, Index.read(instance, public_models=snapshot.manifest.public_models))
    except SnapshotCorrupt as error:
        raise SnapshotCorrupt(f"The snapshot {snapshot.id} is corrupt: {error}") from None


class DuckdbEngine(SqlEngine[DuckdbInstance]):
    """Answers queries over one snapshot, by DuckDB."""

    def explain(self, question: FacetQuery | ValueQuery | ModelQuery) -> list[Ran]:
        """Answer a question, and return the statements that ran, in order; none if totals answered it."""
        with self._instance.cursor(Interruption()) as cursor:
            match question:
                case FacetQuery():
                    self._answer(cursor, question)
                case ValueQuery():
                    self._values(cursor, question)
                case ModelQuery():
                    self._models(cursor, question)
            return cursor.ran

    def seen_from(self, present: Engine) -> DuckdbEngine:
        """Return an engine over this snapshot that shows only the models that may be shown of an earlier snapshot.

        `present` is an engine over the current snapshot. Raises `Unavailable` if the ids of a snapshot cannot be read.
        """
        current = _index_of(present)
        both = self._beside({CURRENT: _models_of(present)})
        with closing(both), both.cursor(Interruption()) as cursor:
            seen = cursor.table("facets/seen")
        return DuckdbEngine(self._snapshot, self._beside({SEEN: seen}), self._index, current=current)

    def _beside(self, tables: Mapping[str, pa.Table]) -> DuckdbInstance:
        """Return another instance over the same file, with these tables beside those of the file.

        The local copy of a file in a bucket can be removed before DuckDB opens it; then it is fetched again. Raises
        `Unavailable` if all attempts fail.
        """
        for _ in range(_TRIES):
            try:
                return self._instance.beside(tables, file=self._snapshot.file(INDEX))
            except duckdb.IOException as error:
                failed = error
        raise Unavailable("The snapshot cannot be opened. Retry the request.") from failed

    def shared_records(self) -> Iterator[pa.RecordBatch]:
        """Yield the records that every org may see, in batches of the schema `RECORD`. Raises `Unavailable`."""
        now = None if self._current is None else Org(self._current.public)
        yield from self._records(scope_of(self._index.public, _NO_ROWS, now))

    def own_records(self, org: str) -> Iterator[pa.RecordBatch]:
        """Yield the records that `org` may see and not every org, in batches of the schema `RECORD`.

        Of an earlier snapshot, these are the org's models that were private, if they are public or the org's now, and
        the models that were public and are now private models of the org. Raises `Unavailable`.
        """
        private = self._index.org(org).private
        if self._current is None:
            yield from self._records(scope_of(_NO_ROWS, private, None))
            return
        own = self._current.org(org).private
        yield from self._records(scope_of(_NO_ROWS, private, Org(self._current.public, own)))
        yield from self._records(scope_of(self._index.public, _NO_ROWS, Org(_NO_ROWS, own)))

    def _records(self, scope: Parameters) -> Iterator[pa.RecordBatch]:
        with self._instance.cursor(Interruption()) as cursor:
            parameters = scope | {"public_models": self._index.public.end}
            yield from cursor.batches("facets/visible_records", parameters)


def scope_counts(snapshot: Snapshot, present: Engine) -> SeenCounts:
    """Return the number of models of an earlier snapshot that each org may see; `present` is over the current snapshot.

    Raises `SnapshotCorrupt` if the index of `snapshot` does not match its manifest, `LakeError` if it cannot be read.
    """
    with snapshot.lending(INDEX) as [file], _reading(snapshot):
        tables = {CURRENT: _models_of(present)}
        instance = DuckdbInstance(file, snapshot_id=snapshot.id, threads=1, memory_limit="", tables=tables)
        with closing(instance), instance.cursor(Interruption()) as cursor:
            return SeenCounts.read(
                cursor, public_end=snapshot.manifest.public_models, now_public_end=_index_of(present).public.end
            )


def _reading(snapshot: Snapshot) -> AbstractContextManager[None]:
    failure = f"The index of the snapshot {snapshot.id} cannot be read"
    return duck.errors_as(LakeError, failure, of=(duckdb.Error, Unavailable, OSError))


def _index_of(present: Engine) -> Index:
    if not isinstance(present, DuckdbEngine):
        raise TypeError("Engines of different kinds cannot compare their snapshots.")
    return present._index  # noqa: SLF001 - the class is in this module


def _models_of(present: Engine) -> pa.Table:
    """Return the id, row id and org of every model of the current snapshot, one row per model."""
    assert isinstance(present, DuckdbEngine)  # noqa: S101 - for the type checker: `_index_of` raises before
    with present._instance.cursor(Interruption()) as cursor:  # noqa: SLF001 - the class is in this module
        return cursor.table("facets/ids")
