"""The admission queue: some work runs, some waits for its turn, and a busy service refuses the rest at once."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from facets_svc import metrics
from facets_svc.errors import Overloaded

WEIGHT_OF_THE_LAST: Final = 0.1
"""How much the last piece of work changes the expected time of the next."""

SHARE_OF_THE_REFUSED: Final = 0.2
"""The part of the capacity that is promised to refused callers; the rest is for new ones."""

MAX_RETRY_SECONDS: Final = 30
"""The longest time after which a refused caller is told to come back, however many were refused before."""


class AdmissionQueue:
    """Admits work to `running` places to run and `waiting` places to wait in, from any thread.

    It refuses work on top of these, work that would wait for longer than `patience_seconds`, going by how long work has
    taken lately (when everybody waits until their deadline, work is done that nobody waits for any more), and work of
    an asker who has more than `share` of the places. Refused callers are told to come back one after the other: a
    crowd that comes back all at once is only refused again, which costs time that answers need. `name` is for metrics.
    """

    def __init__(
        self,
        *,
        running: int,
        waiting: int,
        patience_seconds: float = math.inf,
        share: float = 1.0,
        name: str = "query",
    ) -> None:
        self._name = name
        self._running = running
        self._places = running + waiting
        self._patience_seconds = patience_seconds
        self._share = max(1, int(self._places * share))
        self._taken = 0
        self._of: Counter[str] = Counter()
        self._lately = 0.0
        self._next_turn = 0.0
        self._lock = threading.Lock()
        self._turns = asyncio.Semaphore(running)

    @property
    def taken(self) -> int:
        """How many pieces of work run or wait."""
        return self._taken

    def enter(self, asker: str = "") -> None:
        """Take a place for a piece of work, until `leave`. Raises `Overloaded`."""
        with self._lock:
            self._require_place(asker)
            self._taken += 1
            self._of[asker] += 1
            metrics.queue_changed(self._name, taken=self._taken, running=self._running)

    def leave(self, asker: str = "") -> None:
        """Give a place back."""
        with self._lock:
            self._taken -= 1
            metrics.queue_changed(self._name, taken=self._taken, running=self._running)
            self._of[asker] -= 1
            if not self._of[asker]:
                del self._of[asker]

    def require_place(self, asker: str = "") -> None:
        """Raise `Overloaded` if work would be refused now."""
        with self._lock:
            self._require_place(asker)

    def note(self, seconds: float) -> None:
        """Note how long a piece of work ran."""
        with self._lock:
            self._lately += WEIGHT_OF_THE_LAST * (seconds - self._lately)

    @asynccontextmanager
    async def admitted(self, asker: str = "") -> AsyncIterator[None]:
        """Run the block when its turn comes, first come, first served (in one event loop). Raises `Overloaded`."""
        self.enter(asker)
        try:
            async with self._turns:
                started = time.perf_counter()
                try:
                    yield
                finally:
                    self.note(time.perf_counter() - started)
        finally:
            self.leave(asker)

    def _require_place(self, asker: str) -> None:
        waiting = max(0, self._taken + 1 - self._running)
        wait_seconds = waiting * self._lately / self._running
        if self._taken >= self._places or wait_seconds > self._patience_seconds:
            self._count("queue_full" if self._taken >= self._places else "slow_queue")
            raise Overloaded(
                "The service is busy. Retry after the time in Retry-After.",
                retry_after_seconds=self._retry(wait_seconds),
            )
        if self._of[asker] >= self._share:
            self._count("share")
            raise Overloaded(
                "Too many queries of this subject are running or waiting.", retry_after_seconds=self._retry(0)
            )

    def _count(self, reason: str) -> None:
        metrics.rejected(reason if self._name == "query" else self._name)

    def _retry(self, wait_seconds: float) -> int:
        """Return in how many seconds a refused caller has a turn, after those who were refused before."""
        now = time.monotonic()
        turn = max(now, self._next_turn)
        self._next_turn = min(turn + self._lately / self._running / SHARE_OF_THE_REFUSED, now + MAX_RETRY_SECONDS)
        return min(max(1, math.ceil(wait_seconds + turn - now)), MAX_RETRY_SECONDS)
