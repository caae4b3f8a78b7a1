"""Rollback: makes an earlier snapshot current again and withdraws the current one."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from facets_svc.errors import DataRefused, LakeError, NoSnapshot
from facets_svc.lake.base import Lake
from facets_svc.lake.compare import MadePublic, made_public
from facets_svc.lake.journal import History
from facets_svc.lake.snapshot import Snapshot

Probe = Callable[[Snapshot], None]
"""Opens a snapshot as the service does. Raises a `FacetsError` if that fails."""


class RolledBack(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a rollback: the ids of the new current and the withdrawn snapshot.

    `made_public` counts the models that became public; None if a forced rollback could not count them.
    """

    current: str
    withdrawn: str
    made_public: int | None


def roll_back(
    lake: Lake, snapshot_id: str | None, *, force: bool, why: str, probe: Probe, memory_limit: str = ""
) -> RolledBack:
    """Make an earlier snapshot current, by default the one that was current before, and withdraw the current one.

    `why` goes into the journal. Raises `DataRefused` if the snapshot was withdrawn or is current, and, without `force`,
    if the rollback makes models public or may do so; `SnapshotCorrupt` if the snapshot fails verification; `NoSnapshot`
    if there is no snapshot to roll back to; `LakeBusy`; `LakeError`; and the errors of `probe`.
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
