"""What differs between two snapshots of a lake."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import msgspec

from facets_svc import duck, sql
from facets_svc.errors import SnapshotCorrupt
from facets_svc.lake.snapshot import Snapshot


class Moved(msgspec.Struct, frozen=True):
    """A facet value (by response key) and how many models held it before and after."""

    facet: str
    value: str
    before: int
    after: int


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """How many models were added, removed and changed between two snapshots, and the values that moved most."""

    before: str
    after: str
    added: int
    removed: int
    changed: int
    moved: list[Moved]


class MadePublic(msgspec.Struct, frozen=True, kw_only=True):
    """The models that a snapshot would make public: those that are private now, and those that are gone now."""

    now_private: int
    now_gone: int

    @property
    def models(self) -> int:
        """How many there are."""
        return self.now_private + self.now_gone


def difference(before: Snapshot, after: Snapshot, *, at_most: int, memory_limit: str = "") -> Difference:
    """Compare two snapshots, and name at most that many facet values. Raises `SnapshotCorrupt` or `LakeError`."""
    files = {"before": before.model_files(), "after": after.model_files()}
    with _asking(memory_limit) as connection:
        [(added, removed, changed)] = _ask(connection, "changed_models", **files)
        moved = [Moved(*row) for row in _ask(connection, "moved_values", **files, at_most=at_most)]
    return Difference(before=before.id, after=after.id, added=added, removed=removed, changed=changed, moved=moved)


def made_public(target: Snapshot, in_force: Snapshot, *, memory_limit: str = "") -> MadePublic:
    """Count what putting `target` in force would make public. Raises `SnapshotCorrupt` or `LakeError`."""
    with _asking(memory_limit) as connection:
        files = {"target": target.model_files(), "in_force": in_force.model_files()}
        [(now_private, now_gone)] = _ask(connection, "made_public", **files)
    return MadePublic(now_private=now_private, now_gone=now_gone)


@contextmanager
def _asking(memory_limit: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB for a comparison; what does not fit into memory spills into a folder that goes with it."""
    with (
        tempfile.TemporaryDirectory(prefix="facets-svc-") as scratch,
        duck.connect(memory_limit=memory_limit, scratch=scratch) as connection,
        duck.errors_as(SnapshotCorrupt, "The snapshots cannot be compared"),
    ):
        yield connection


def _ask(connection: duckdb.DuckDBPyConnection, name: str, **parameters: Any) -> list[Any]:
    return connection.execute(sql.load(f"lake/{name}").text, parameters).fetchall()
