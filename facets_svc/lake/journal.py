"""The journal: which snapshot the pointer was moved to, when, by whom and why.

An entry is written *before* the pointer moves, so that a move is never missing; one that was written and did not
happen (the job was killed, another one won) is told apart by its place: each entry names the snapshot that was current
before it, so the entries that happened are a chain that ends at the current snapshot.
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
    """One move of the pointer to `id`; `previous` was current until then (None: nothing was)."""

    time: datetime
    id: str
    previous: str | None = None
    action: Action = "publish"
    by: str = ""
    why: str = ""


def holder() -> str:
    """Name this process, for whoever meets its lock or reads the journal."""
    return f"process {os.getpid()} on {os.uname().nodename}"


def change_to(snapshot_id: str, *, previous: str | None, action: Action = "publish", why: str = "") -> Change:
    """Return the entry for a move that is about to happen."""
    now = datetime.now(UTC)
    return Change(time=now, id=snapshot_id, previous=previous, action=action, by=holder(), why=why[:_WHY_CHARACTERS])


def encode(change: Change) -> bytes:
    """Return the entry as one line."""
    return msgspec.json.encode(change) + b"\n"


def decode(content: bytes) -> list[Change]:
    """Return the entries of a journal, oldest first. A line that is torn, as a killed writer leaves it, is no entry."""
    return list(_entries(content.split(b"\n")))


def unfinished(content: bytes, *, current: str | None) -> str | None:
    """Return the snapshot that the last job left when it was killed between the snapshot's place and the pointer.

    It is the journal's last line, and the pointer is where it was before. Earlier lines tell nothing: one of them may
    be damaged, and whatever a chain that is broken does not lead to would look as if it never had been current.
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
    """A time in which a snapshot was current: since when (None: before the journal), until when (None: still)."""

    id: str
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class History:
    """What happened to the pointer, oldest first: the entries of the journal that lead to the current snapshot."""

    current: str | None
    changes: tuple[Change, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[Change], *, current: str | None) -> History:
        """Follow the entries back from the current snapshot; the others did not happen."""
        happened: list[Change] = []
        wanted = current
        for change in reversed(list(entries)):
            if wanted is not None and change.id == wanted:
                happened.append(change)
                wanted = change.previous
        return cls(current, tuple(reversed(happened)))

    def periods(self) -> list[Period]:
        """Return who was current and when, oldest first; the last one is current."""
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
        """Return every snapshot that is current or ever was, as far as the journal knows."""
        return frozenset(period.id for period in self.periods())

    def withdrawn(self) -> frozenset[str]:
        """Return the snapshots that were rolled back: they never become current again."""
        return frozenset(
            change.previous for change in self.changes if change.action == "rollback" and change.previous is not None
        )

    def current_since(self, moment: datetime) -> frozenset[str]:
        """Return the snapshots that were current at `moment` or later."""
        return frozenset(period.id for period in self.periods() if period.until is None or period.until >= moment)

    def before(self, existing: Iterable[str]) -> str | None:
        """Return the snapshot to go back to: the last one that was current before it, exists and is not withdrawn."""
        possible = frozenset(existing) - self.withdrawn() - {self.current}
        return next((period.id for period in reversed(self.periods()) if period.id in possible), None)
