"""Which snapshots of a lake may be asked beside the current one."""

from __future__ import annotations

from contextlib import suppress

from facets_svc.errors import LakeError
from facets_svc.lake.base import Lake
from facets_svc.lake.snapshot import Snapshot


class RetainedSnapshots:
    """The snapshots of a lake that can be asked. Remembers what never changes, so that little is asked of a bucket."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._snapshots: dict[str, Snapshot] = {}
        self._withdrawn: tuple[str, frozenset[str]] | None = None

    def until(self, current: str) -> list[Snapshot]:
        """Return the snapshots up to the current one, oldest first, but for those that were withdrawn.

        One that cannot be read is left out. Raises
        `LakeError` when the lake cannot be asked. For one thread.
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
