"""How often a subject may ask: fixed windows by the `limits` library, here or in a server that processes share.

A window begins with its first request. Requests that are refused count too.
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
"""How many subjects a process counts by itself, some 20 MB. Of more, those go that have not asked for longest."""

SHARED_TIMEOUT_SECONDS: Final = 0.1
"""How long the shared server may take to answer. A request waits no longer for it."""

PAUSE_SECONDS: Final = 1.0
"""How long the shared server is left alone when it did not answer."""

_logger = logging.getLogger(__name__)


class RateLimit:
    """Counts the requests of each subject, and says when it has had its share.

    Where a shared server counts and cannot be reached, this process counts by itself until it can: nobody is locked
    out, and nobody may ask without end.
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
        self._away = False

    @classmethod
    def of(cls, settings: Settings) -> RateLimit | None:
        """Build one from the settings, None where they set no rate.

        Raises `SettingsError` when they name a server and the extra `redis` is not installed.
        """
        if not settings.rate_limit:
            return None
        return cls(settings.rate_limit, shared=_shared(settings.rate_limit_storage))

    async def count(self, subject: str) -> Overloaded | None:
        """Count one request of `subject`. Return what it is to be refused with, if it is."""
        key = hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        if self._shared is not None and time.monotonic() >= self._paused_until:
            try:
                refusal = await self._count(self._shared, key)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with another server, this one goes on
                self._paused_until = time.monotonic() + PAUSE_SECONDS
                self._tell(away=True, reason=type(error.__cause__ or error).__name__)
            else:
                self._tell(away=False)
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
        told = f"The rate limit is {self._item.amount} requests per {self._item.GRANULARITY.name}."
        return Overloaded(told, retry_after_seconds=seconds)

    def _tell(self, *, away: bool, reason: str = "") -> None:
        """Log that the shared server has gone, or come back: once each time."""
        if away == self._away:
            return
        self._away = away
        if away:
            _logger.error("The server of the rate limit does not answer (%s): this worker counts by itself", reason)
        else:
            _logger.warning("The server of the rate limit answers again")


class BoundedMemory(Storage):
    """Windows in memory, of at most `max_keys` keys: a storage of `limits` for fixed windows in one event loop.

    The library's own keeps every key until its window ends, and starts a task for each request to look for ended ones.
    """

    STORAGE_SCHEME = None

    def __init__(self, max_keys: int, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._clock = clock
        self._windows: LRUCache[str, tuple[int, float]] = LRUCache(max_keys)

    def __len__(self) -> int:
        """How many keys there are."""
        return len(self._windows)

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        """Nothing here fails."""
        return ()

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount` for `key`, in a window of `expiry` seconds that begins now unless one is open."""
        now = self._clock()
        count, end = self._windows.get(key, (0, 0.0))
        if end <= now:
            count, end = 0, now + expiry
        self._windows[key] = (count + amount, end)
        return count + amount

    async def get(self, key: str) -> int:
        """Return what was counted in the open window."""
        count, end = self._windows.get(key, (0, 0.0))
        return count if end > self._clock() else 0

    async def get_expiry(self, key: str) -> float:
        """Return when the window ends, in seconds since 1970."""
        return self._windows.get(key, (0, self._clock()))[1]

    async def check(self) -> bool:
        """Memory is always there."""
        return True

    async def reset(self) -> int | None:
        """Forget everything."""
        count = len(self._windows)
        self._windows.clear()
        return count

    async def clear(self, key: str) -> None:
        """Forget a key."""
        self._windows.pop(key, None)


def _shared(location: str) -> Storage | None:
    if not location:
        return None
    # One client for both servers: they speak the same protocol.
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
