"""Going back to an earlier snapshot, and removing those that nobody needs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from facets_svc.errors import DataRefused, LakeError, NoSnapshot
from facets_svc.lake.base import Lake
from facets_svc.lake.compare import MadePublic, made_public
from facets_svc.lake.journal import History, is_older, to_prune
from facets_svc.lake.snapshot import Snapshot

Probe = Callable[[Snapshot], None]
"""Opens a snapshot the way the service will, and raises if it cannot."""


class RolledBack(msgspec.Struct, frozen=True, kw_only=True):
    """The snapshot that is current now, the one that was and is withdrawn, and the models that are public again.

    `made_public` is None where it could not be told and was forced.
    """

    current: str
    withdrawn: str
    made_public: int | None


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """The snapshots that were removed and those that are left, and the refused jobs whose reports were removed."""

    removed: list[str]
    kept: list[str]
    removed_refused: list[str] = []


def roll_back(
    lake: Lake, snapshot_id: str | None, *, force: bool, why: str, probe: Probe, memory_limit: str = ""
) -> RolledBack:
    """Make an earlier snapshot current again, by default the one that was before; withdraw the one that is.

    Raises `DataRefused` when the snapshot was withdrawn itself, or when it would make models public that are not now
    and `force` is not set; `SnapshotCorrupt` when it is not whole; `NoSnapshot` when there is none to go back to.
    """
    with lake.writing() as writer:
        history = lake.history()
        if history.current is None:
            raise NoSnapshot(f"The lake {lake.location} has no snapshot yet. Run `facets-svc sync`.")
        target = lake.snapshot(_target(lake, history, snapshot_id))
        target.verify()
        probe(target)
        public = _made_public(lake, target, history.current, force=force, memory_limit=memory_limit)
        if public is not None and public.models and not force:
            raise DataRefused(
                f"The snapshot {target.id} would make {public.models} models public again: {public.described()}. "
                "Nothing was changed; --force overrides this."
            )
        writer.put_back(target.id, why=why)
        return RolledBack(
            current=target.id,
            withdrawn=history.current,
            made_public=None if public is None else public.models,
        )


def _target(lake: Lake, history: History, snapshot_id: str | None) -> str:
    if snapshot_id is None:
        found = history.before(lake.ids())
        if found is None:
            raise NoSnapshot(
                f"The lake {lake.location} has no snapshot to go back to from {history.current}: those that were "
                "current before are withdrawn or removed."
            )
        return found
    if snapshot_id == history.current:
        raise DataRefused(f"The snapshot {snapshot_id} is current already.")
    if snapshot_id in history.withdrawn():
        raise DataRefused(
            f"The snapshot {snapshot_id} was withdrawn, so it cannot become current again. Publish a new one."
        )
    return snapshot_id


def _made_public(lake: Lake, target: Snapshot, current: str, *, force: bool, memory_limit: str) -> MadePublic | None:
    try:
        return made_public(target, lake.snapshot(current), memory_limit=memory_limit)
    except LakeError as error:
        if force:
            return None
        raise DataRefused(
            f"The models that {target.id} would make public again are unknown: {error} --force overrides this."
        ) from error


def prune(lake: Lake, *, keep: int, older_than: timedelta, grace: timedelta, dry_run: bool = False) -> Pruned:
    """Remove all snapshots but the newest `keep`, and of the others only those that are older than `older_than`.

    Withdrawn snapshots are not counted among the newest. The current snapshot stays, and so do those that were current
    within `grace`. What refused jobs have left goes when it is older than every snapshot that stays, and than
    `older_than`. A `dry_run` removes nothing, holds no lock, and returns what would be removed.
    """

    def planned() -> Pruned:
        ids, now = lake.ids(), datetime.now(UTC)
        removed = to_prune(ids, lake.history(), keep=keep, older_than=older_than, grace=grace, now=now)
        kept = [one for one in ids if one not in removed]
        refused = [one for one in lake.refused() if kept and one < kept[0] and is_older(one, older_than, now=now)]
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
