"""The journal: the changes of the current snapshot, with time, author and reason.

A job writes the entry *before* it writes the pointer, so that no change is missing. An entry whose change did not
happen (the job was killed, or another one was faster) is recognizable: each entry names the snapshot that was current
before, so the entries that happened form a chain that ends at the current snapshot.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from facets_svc.lake.manifest import UNREADABLE, is_snapshot_id

_WHY_CHARACTERS: Final = 1000

Action = Literal["publish", "rollback"]


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change of the current snapshot from `previous` (None: there was none) to `id`, at `time` in UTC."""

    time: datetime
    id: str
    previous: str | None = None
    action: Action = "publish"
    by: str = ""
    why: str = ""


def holder() -> str:
    """Return the name of this process for locks and the journal."""
    return f"process {os.getpid()} on {os.uname().nodename}"


def change_to(snapshot_id: str, *, previous: str | None, action: Action = "publish", why: str = "") -> Change:
    """Return the entry of a change that is about to happen, with the present time and this process as its author."""
    now = datetime.now(UTC)
    return Change(time=now, id=snapshot_id, previous=previous, action=action, by=holder(), why=why[:_WHY_CHARACTERS])


def encode(change: Change) -> bytes:
    """Return an entry as one line of JSON."""
    return msgspec.json.encode(change) + b"\n"


def decode(content: bytes) -> list[Change]:
    """Return the entries of a journal, oldest first, without incomplete lines, which killed writers leave."""
    return list(_entries(content.split(b"\n")))


def unfinished(content: bytes, *, current: str | None) -> str | None:
    """Return the id of the snapshot of a job that was killed before it wrote the pointer; None if there is none.

    It is that of the last line, if the pointer still has the previous id. Earlier lines do not count: if a damaged line
    breaks the chain, snapshots before it look as though they were never current.
    """
    for change in _entries(content.rstrip(b"\n").split(b"\n")[-1:]):
        if change.action == "publish" and change.previous == current and is_snapshot_id(change.id):
            return change.id
    return None


def _entries(lines: Iterable[bytes]) -> Iterator[Change]:
    for line in lines:
        try:
            change = msgspec.json.decode(line, type=Change)
        except UNREADABLE:
            continue
        if change.time.tzinfo is not None:
            yield change


@dataclass(frozen=True, slots=True)
class Period:
    """A period in which a snapshot was current; `since` is None before the journal, `until` is None if it still is."""

    id: str
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class History:
    """The changes of the current snapshot that happened, oldest first, and the id of the current snapshot."""

    current: str | None
    changes: tuple[Change, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[Change], *, current: str | None) -> History:
        """Return the history whose changes are the chain of `entries` that ends at the current snapshot."""
        happened: list[Change] = []
        wanted = current
        for change in reversed(list(entries)):
            if wanted is not None and change.id == wanted:
                happened.append(change)
                wanted = change.previous
        return cls(current, tuple(reversed(happened)))

    def periods(self) -> list[Period]:
        """Return the periods, oldest first; the last one is that of the current snapshot."""
        if self.current is None:
            return []
        first = self.changes[0] if self.changes else None
        periods = []
        if first is None:
            return [Period(self.current, None, None)]
        if first.previous is not None:
            periods.append(Period(first.previous, None, first.time))
        for change, following in zip(self.changes, (*self.changes[1:], None), strict=True):
            periods.append(Period(change.id, change.time, None if following is None else following.time))
        return periods

    def was_current(self) -> frozenset[str]:
        """Return the ids of all snapshots that are or were current, according to the journal."""
        return frozenset(period.id for period in self.periods())

    def withdrawn(self) -> frozenset[str]:
        """Return the ids of the withdrawn snapshots, which cannot become current again."""
        return frozenset(
            change.previous for change in self.changes if change.action == "rollback" and change.previous is not None
        )

    def current_since(self, moment: datetime) -> frozenset[str]:
        """Return the ids of the snapshots that were current at `moment` or later."""
        return frozenset(period.id for period in self.periods() if period.until is None or period.until >= moment)

    def before(self, existing: Iterable[str]) -> str | None:
        """Return the id to roll back to: that of the last snapshot before that exists and is not withdrawn, or None."""
        possible = frozenset(existing) - self.withdrawn() - {self.current}
        return next((period.id for period in reversed(self.periods()) if period.id in possible), None)
