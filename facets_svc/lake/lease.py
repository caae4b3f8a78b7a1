"""The lock of a lake in a bucket: an object with the holder and the expiry of a lease.

A bucket does not know whether the holder is alive, so the lease expires unless the holder renews it. Clocks judge the
expiry, and clocks differ: so the lease decides only which job waits. The pointer makes sure that a job which lost the
lease cannot publish: see `facets_svc.lake.bucket`.
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
"""Seconds until a lease expires: for so long, a killed job can block others."""

_CLOCKS_DIFFER_SECONDS: Final = 5.0
_TRIES: Final = 4


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the object. `seconds` is the time from its writing to `expires_at`; 0 if it was released."""

    token: str
    holder: str
    expires_at: datetime
    seconds: float


class Lease:
    """The lease of a lake. As a context, it acquires the lease, renews it in a thread, and releases it at the end.

    Raises `LakeBusy` if another job holds it, `LakeError` if the bucket cannot be reached.
    """

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
            with suppress(LakeError, Taken):  # it expires anyway
                self._objects.put_if(KEY, self._content(seconds=0), self._version)

    def check(self) -> None:
        """Raise `LakeBusy` if the lease was lost: another job may hold it now."""
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
        """Raise `LakeBusy` unless the lease has expired or was released."""
        try:
            held = msgspec.json.decode(content, type=Held)
            left = (held.expires_at - datetime.now(UTC)).total_seconds()
        except (*UNREADABLE, TypeError):
            held, left = Held(token="", holder="", expires_at=datetime.now(UTC), seconds=self._seconds), float("inf")
        if left <= 0 or not held.seconds:
            return
        if left > held.seconds + _CLOCKS_DIFFER_SECONDS:
            # The holder's clock disagrees with ours. A living holder renews the lease: wait to see whether it does.
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
                continue  # until the lease expires, a later attempt may succeed

    def _found_again(self) -> bool:
        """Return whether the object is an earlier renewal of this lease, whose response was lost."""
        with suppress(LakeError, *UNREADABLE):
            found = self._objects.get(KEY)
            if found is not None and msgspec.json.decode(found[0], type=Held).token.startswith(self._token):
                self._version = found[1]
                return True
        return False
