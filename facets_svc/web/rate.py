"""The rate limit of each subject: fixed windows by the `limits` library, in memory or in a shared server.

A window begins with its first request. Refused requests count, too.
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Callable
from typing import Any, Final, cast

import limits
from cachetools import LRUCache
from limits.aio.storage import RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import ConfigurationError

from facets_svc.errors import Overloaded, SettingsError
from facets_svc.settings import Settings

MAX_SUBJECTS: Final = 100_000
"""Subjects that a process counts in memory, some 20 MB. The least recently counted ones are evicted."""

SHARED_TIMEOUT_SECONDS: Final = 0.1
"""How long a request waits for the shared server."""

PAUSE_SECONDS: Final = 1.0
"""How long requests do not use the shared server after a failure."""

_logger = logging.getLogger(__name__)


class RateLimit:
    """Counts the requests of each subject, and refuses those beyond `rate`, such as `600/minute`.

    While the shared server cannot be reached, the process counts in memory: requests are neither all refused nor
    unlimited. Belongs to one event loop.
    """

    def __init__(
        self,
        rate: str,
        *,
        shared: Storage | None = None,
        max_subjects: int = MAX_SUBJECTS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._item = limits.parse(rate)
        self._clock = clock
        self._own = FixedWindowRateLimiter(BoundedMemory(max_subjects, clock))
        self._shared = None if shared is None else FixedWindowRateLimiter(shared)
        self._paused_until = -math.inf
        self._unreachable = False

    @classmethod
    def of(cls, settings: Settings) -> RateLimit | None:
        """Return the rate limit of the settings, or None if they set none.

        Raises `SettingsError` for an invalid address of a server, and if the extra `redis` is not installed.
        """
        if not settings.rate_limit:
            return None
        return cls(settings.rate_limit, shared=_shared(settings.rate_limit_storage))

    async def count(self, subject: str) -> Overloaded | None:
        """Count a request of `subject`. Return the error to refuse it with, or None to allow it."""
        key = hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        if self._shared is not None and time.monotonic() >= self._paused_until:
            try:
                refusal = await self._count(self._shared, key)
            except Exception as error:  # noqa: BLE001 - no error of the shared server may fail a request
                self._paused_until = time.monotonic() + PAUSE_SECONDS
                self._log_change(unreachable=True, reason=type(error.__cause__ or error).__name__)
            else:
                self._log_change(unreachable=False)
                return refusal
        return await self._count(self._own, key)

    async def close(self) -> None:
        """Close the connections to the shared server."""
        if self._shared is not None and isinstance(storage := self._shared.storage, RedisStorage):
            await cast("Any", storage.bridge).get_connection().aclose()

    async def _count(self, limiter: FixedWindowRateLimiter, key: str) -> Overloaded | None:
        if await limiter.hit(self._item, key):
            return None
        window = await limiter.get_window_stats(self._item, key)
        seconds = max(1, math.ceil(window.reset_time - self._clock()))
        message = f"The rate limit is {self._item.amount} requests per {self._item.GRANULARITY.name}."
        return Overloaded(message, retry_after_seconds=seconds)

    def _log_change(self, *, unreachable: bool, reason: str = "") -> None:
        """Log that the shared server has become unreachable, or reachable again: once each time."""
        if unreachable == self._unreachable:
            return
        self._unreachable = unreachable
        if unreachable:
            _logger.error("The server of the rate limit does not answer (%s): this worker counts by itself", reason)
        else:
            _logger.warning("The server of the rate limit answers again")


class BoundedMemory(Storage):
    """A storage of `limits` for fixed windows in memory, of at most `max_keys` keys and in one event loop.

    The library's own storage has no such bound, and starts a task for each request to remove old windows.
    """

    STORAGE_SCHEME = None

    def __init__(self, max_keys: int, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._clock = clock
        self._windows: LRUCache[str, tuple[int, float]] = LRUCache(max_keys)

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._windows)

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        """The exceptions of the storage: none."""
        return ()

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add `amount` to the count of `key` and return it. A new window has `expiry` seconds."""
        now = self._clock()
        count, end = self._windows.get(key, (0, 0.0))
        if end <= now:
            count, end = 0, now + expiry
        self._windows[key] = (count + amount, end)
        return count + amount

    async def get(self, key: str) -> int:
        """Return the count of the open window."""
        count, end = self._windows.get(key, (0, 0.0))
        return count if end > self._clock() else 0

    async def get_expiry(self, key: str) -> float:
        """Return the end of the window, in seconds since 1970."""
        return self._windows.get(key, (0, self._clock()))[1]

    async def check(self) -> bool:
        """Return true: memory is always available."""
        return True

    async def reset(self) -> int | None:
        """Remove all keys, and return their number."""
        count = len(self._windows)
        self._windows.clear()
        return count

    async def clear(self, key: str) -> None:
        """Remove a key."""
        self._windows.pop(key, None)


def _shared(location: str) -> Storage | None:
    if not location:
        return None
    # One client for Redis and Valkey: they have the same protocol.
    _, _, rest = location.partition("://")
    scheme = "valkeys" if location.startswith(("rediss:", "valkeys:")) else "valkey"
    try:
        return RedisStorage(
            f"async+{scheme}://{rest}",
            wrap_exceptions=True,
            key_prefix="facets-svc",
            socket_timeout=SHARED_TIMEOUT_SECONDS,
            socket_connect_timeout=SHARED_TIMEOUT_SECONDS,
        )
    except ConfigurationError:
        raise SettingsError("FACETS_RATE_LIMIT_STORAGE needs the extra `redis` of facets-svc.") from None
    except ValueError:
        raise SettingsError("FACETS_RATE_LIMIT_STORAGE is not a valid address.") from None
