"""The lock of a lake in a bucket: an object that says who holds the lake until when.

A bucket cannot tell whether a holder is alive, so the lease runs out unless it is renewed. Whether it has run out is
judged by clocks, and clocks differ; so nothing depends on the lease but who waits for whom. That nobody publishes who
has lost it is the business of the pointer: see `facets_svc.lake.bucket`.
"""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final, Self

import msgspec

from facets_svc.errors import LakeBusy, LakeError
from facets_svc.lake.journal import holder
from facets_svc.lake.manifest import UNREADABLE
from facets_svc.lake.objects import Objects, Taken, Version

KEY: Final = "LEASE"

SECONDS: Final = 60.0
"""How long a lease is good for: a killed job keeps the lake for no longer."""

_CLOCKS_DIFFER_SECONDS: Final = 5.0
_TRIES: Final = 4


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What the object says. `seconds` is how long it was good for when it was written."""

    token: str
    holder: str
    expires_at: datetime
    seconds: float


class Lease:
    """The lake, held until it is released or lost. Use it as a context; a thread renews it meanwhile."""

    def __init__(self, objects: Objects, *, seconds: float = SECONDS) -> None:
        self._objects = objects
        self._seconds = seconds
        self._token = secrets.token_hex(8)
        self._version: Version | None = None
        self._good_until = 0.0
        self._lost = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="facets-lease", daemon=True)

    def __enter__(self) -> Self:
        self._take()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        if not self._lost:
            with suppress(LakeError, Taken):  # it runs out by itself
                self._objects.put_if(KEY, self._content(seconds=0), self._version)

    def check(self) -> None:
        """Raise `LakeBusy` when the lease was lost: another job may hold the lake now."""
        if self._lost or time.monotonic() >= self._good_until:
            raise LakeBusy(
                f"This job lost its lease of the lake {self._objects.location}: another one has taken it over, or the "
                f"bucket could not be reached for {self._seconds:.0f} s. Nothing was published."
            )

    def _take(self) -> None:
        for _ in range(_TRIES):
            found = self._objects.get(KEY)
            if found is not None:
                self._require_free(*found)
            with suppress(Taken):
                self._write(None if found is None else found[1])
                return
        raise LakeBusy(f"Other jobs are locking the lake {self._objects.location} now. Retry later.")

    def _require_free(self, content: bytes, version: Version) -> None:
        """Raise `LakeBusy` unless the lease has run out."""
        try:
            held = msgspec.json.decode(content, type=Held)
            left = (held.expires_at - datetime.now(UTC)).total_seconds()
        except (*UNREADABLE, TypeError):
            held, left = Held(token="", holder="", expires_at=datetime.now(UTC), seconds=self._seconds), float("inf")
        if left <= 0 or not held.seconds:  # it ran out, or was given back
            return
        if left > held.seconds + _CLOCKS_DIFFER_SECONDS:
            # No clock that agrees with ours wrote this. A holder that lives renews it: watch whether it does.
            if not self._is_renewed(version, seconds=min(max(held.seconds, 0), SECONDS)):
                return
            left = held.seconds
        raise LakeBusy(
            f"Another job holds the lake {self._objects.location}: {held.holder or 'it gave no name'}; its lease "
            f"ends in {left:.0f} s unless it renews it."
        )

    def _is_renewed(self, version: Version, *, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(min(1.0, seconds / 4))
            found = self._objects.get(KEY)
            if found is None or found[1] != version:
                return True
        return False

    def _write(self, version: Version | None) -> None:
        started = time.monotonic()
        self._version = self._objects.put_if(KEY, self._content(seconds=self._seconds), version)
        self._good_until = started + self._seconds

    def _content(self, *, seconds: float) -> bytes:
        held = Held(
            token=f"{self._token}-{secrets.token_hex(4)}",
            holder=holder() if seconds else "",
            expires_at=datetime.now(UTC) + timedelta(seconds=seconds),
            seconds=seconds,
        )
        return msgspec.json.encode(held)

    def _keep(self) -> None:
        while not self._done.wait(self._seconds / 3):
            try:
                self._write(self._version)
            except Taken:
                if not self._found_again():
                    self._lost = True
                    return
            except LakeError:
                continue  # until it has run out, it may still be renewed

    def _found_again(self) -> bool:
        """Tell whether the object is an earlier renewal of ours, whose answer was lost."""
        with suppress(LakeError, *UNREADABLE):
            found = self._objects.get(KEY)
            if found is not None and msgspec.json.decode(found[0], type=Held).token.startswith(self._token):
                self._version = found[1]
                return True
        return False
