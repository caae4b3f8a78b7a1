"""Retention: which snapshots of a lake clients can query, and which ones `prune` removes."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec

from facets_svc.errors import LakeError
from facets_svc.lake.base import Lake
from facets_svc.lake.journal import History
from facets_svc.lake.manifest import id_time
from facets_svc.lake.snapshot import Snapshot


class RetainedSnapshots:
    """The snapshots of a lake that `as_of` accepts. Caches manifests and rollbacks to save requests to a bucket."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._snapshots: dict[str, Snapshot] = {}
        self._withdrawn: tuple[str, frozenset[str]] | None = None

    def until(self, current: str) -> list[Snapshot]:
        """Return the snapshots up to the id `current`, oldest first, that were not withdrawn and can be served.

        Snapshots that cannot be read are left out. Raises `LakeError` if the lake cannot be read. Not thread-safe.
        """
        if self._withdrawn is None or self._withdrawn[0] != current:
            self._withdrawn = (current, self._lake.history().withdrawn())
        ids = [one for one in self._lake.ids() if one <= current and one not in self._withdrawn[1]]
        for snapshot_id in ids:
            if snapshot_id not in self._snapshots:
                with suppress(LakeError):
                    self._snapshots[snapshot_id] = self._lake.snapshot(snapshot_id)
        self._snapshots = {one: self._snapshots[one] for one in ids if one in self._snapshots}
        return [snapshot for snapshot in self._snapshots.values() if snapshot.can_be_served]


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """The result of `prune`: the ids of removed and kept snapshots, and of refused jobs with a removed report."""

    removed: list[str]
    kept: list[str]
    removed_refused: list[str] = []


def prune(lake: Lake, *, keep: int, older_than: timedelta, grace: timedelta, dry_run: bool = False) -> Pruned:
    """Remove the snapshots of a lake that `to_prune` returns, and the reports of refused jobs that are older.

    A report goes if it is older than every snapshot that stays, and than `older_than`. A `dry_run` takes no lock,
    removes nothing, and returns the ids that would be removed. Raises `LakeBusy` or `LakeError`.
    """

    def planned() -> Pruned:
        ids, now = lake.ids(), datetime.now(UTC)
        removed = to_prune(ids, lake.history(), keep=keep, older_than=older_than, grace=grace, now=now)
        kept = [one for one in ids if one not in removed]
        refused = [one for one in lake.refused() if kept and one < kept[0] and _is_older(one, older_than, now=now)]
        return Pruned(removed=removed, kept=kept, removed_refused=refused)

    if dry_run:
        return planned()
    with lake.writing() as writer:
        plan = planned()
        for snapshot_id in plan.removed:
            writer.remove(snapshot_id)
        for refused_id in plan.removed_refused:
            writer.remove_refused(refused_id)
        return plan


def to_prune(
    ids: Iterable[str], history: History, *, keep: int, older_than: timedelta, grace: timedelta, now: datetime
) -> list[str]:
    """Return the ids to remove, oldest first: all but the newest `keep`, if they are older than `older_than`.

    Withdrawn snapshots do not count among the newest: they are not served. The current snapshot stays, and those that
    were current within `grace` before `now`: readers of a bucket hold no lock. Without a grace, `now` does not matter
    for that: a clock that was set back would spare the snapshot that was current a moment ago.
    """
    ordered = sorted(ids)
    servable = [one for one in ordered if one not in history.withdrawn()]
    since = now - grace if grace else datetime.max.replace(tzinfo=UTC)
    spared = history.current_since(since) | set(servable[max(len(servable) - keep, 0) :])
    return [one for one in ordered if one not in spared and _is_older(one, older_than, now=now)]


def _is_older(snapshot_id: str, age: timedelta, *, now: datetime) -> bool:
    """Return whether an id is of `now - age` or before. Without an age it always is: ids can be in the future."""
    return not age or id_time(snapshot_id) <= now - age
