"""Compares two snapshots of a lake."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import duckdb
import msgspec

from facets_svc import duck, sql
from facets_svc.errors import SnapshotCorrupt
from facets_svc.lake.snapshot import Snapshot, pattern

NAMED: Final = 3
"""Number of examples in a sentence."""

LISTED: Final = 20
"""Number of ids in a list of models, which is longer than a sentence's."""


class Moved(msgspec.Struct, frozen=True):
    """A value of a facet (by response key), and the number of models that had it before and after."""

    facet: str
    value: str
    before: int
    after: int


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of models added, removed and changed between two snapshots, and the values that changed most."""

    before: str
    after: str
    added: int
    removed: int
    changed: int
    moved: list[Moved]


class MadePublic(msgspec.Struct, frozen=True, kw_only=True):
    """The models that a snapshot would make public: those that are private now, and those that are gone now.

    `private_models` counts all private models of the current snapshot. The ids are the first of each kind, sorted.
    """

    now_private: int
    now_gone: int
    private_models: int
    private_ids: tuple[str, ...] = ()
    gone_ids: tuple[str, ...] = ()

    @property
    def models(self) -> int:
        """The number of models that would become public."""
        return self.now_private + self.now_gone

    def described(self) -> str:
        """Return the numbers with examples, as a part of a sentence."""
        kinds = [
            (self.now_private, "private now", self.private_ids),
            (self.now_gone, "gone now", self.gone_ids),
        ]
        return "; ".join(f"{count} {kind}{named(ids, count)}" for count, kind, ids in kinds if count)


def named(names: Sequence[str], count: int) -> str:
    """Return the first of `count` names in parentheses, as a part of a sentence.

    >>> named(["a", "b", "c", "d"], 9)
    ' (a, b, c, …)'
    """
    shown = [name if len(name) <= 80 else f"{name[:80]}…" for name in names[:NAMED]]
    if not shown:
        return ""
    return f" ({', '.join([*shown, '…'] if count > len(shown) else shown)})"


def difference(before: Snapshot, after: Snapshot, *, at_most: int, memory_limit: str = "") -> Difference:
    """Return the difference of two snapshots, with `at_most` facet values. Raises `SnapshotCorrupt` or `LakeError`."""
    files = {"before": [*map(pattern, before.model_files())], "after": [*map(pattern, after.model_files())]}
    with _asking(memory_limit) as connection:
        [(added, removed, changed)] = _ask(connection, "changed_models", **files)
        moved = [Moved(*row) for row in _ask(connection, "moved_values", **files, at_most=at_most)]
    return Difference(before=before.id, after=after.id, added=added, removed=removed, changed=changed, moved=moved)


def made_public(target: Snapshot, current: Snapshot, *, memory_limit: str = "") -> MadePublic:
    """Return the models that would become public if `target` replaced `current`.

    Raises `SnapshotCorrupt` or `LakeError`.
    """
    with _asking(memory_limit) as connection:
        return models_made_public(connection, target.model_files(), current.model_files())


def models_made_public(
    connection: duckdb.DuckDBPyConnection, target: Sequence[str], current: Sequence[str]
) -> MadePublic:
    """Return the models that are public in the Parquet files `target` and not in `current`. Raises `duckdb.Error`."""
    files = {"target": [*map(pattern, target)], "current": [*map(pattern, current)]}
    [row] = _ask(connection, "made_public", **files, at_most=LISTED)
    now_private, now_gone, private_models, private_ids, gone_ids = row
    return MadePublic(
        now_private=now_private,
        now_gone=now_gone,
        private_models=private_models,
        private_ids=tuple(private_ids),
        gone_ids=tuple(gone_ids),
    )


@contextmanager
def _asking(memory_limit: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB for a comparison, which spills to a temporary folder."""
    with (
        tempfile.TemporaryDirectory(prefix="facets-svc-") as scratch,
        duck.connect(memory_limit=memory_limit, scratch=scratch) as connection,
        duck.errors_as(SnapshotCorrupt, "The snapshots cannot be compared"),
    ):
        yield connection


def _ask(connection: duckdb.DuckDBPyConnection, name: str, **parameters: Any) -> list[Any]:
    return connection.execute(sql.load(f"lake/{name}").text, parameters).fetchall()
