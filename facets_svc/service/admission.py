"""The admission queue: some work runs, some waits, and a busy service refuses the rest at once."""

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
"""Weight of the latest duration in the moving average that predicts the next one."""

SHARE_OF_THE_REFUSED: Final = 0.2
"""Share of the capacity that `Retry-After` promises to refused callers; the rest is for new ones."""

MAX_RETRY_SECONDS: Final = 30
"""The greatest `Retry-After`, however many callers were refused before."""


class AdmissionQueue:
    """Admits work from any thread: `running` pieces run, `waiting` more wait.

    It refuses work when all places are taken, when the expected wait exceeds `max_wait_seconds`, and when the work's
    subject has `share` of the places already. The expected wait comes from the durations of recent work; without that
    limit, a full queue would compute answers after the deadlines of their callers.

    The `Retry-After` of refused callers is spread over time: if all of them returned at once, most would be refused
    again. `name` is the queue's name in metrics.
    """

    def __init__(
        self,
        *,
        running: int,
        waiting: int,
        max_wait_seconds: float = math.inf,
        share: float = 1.0,
        name: str = "query",
    ) -> None:
        self._name = name
        self._running = running
        self._places = running + waiting
        self._max_wait_seconds = max_wait_seconds
        self._max_of_subject = max(1, int(self._places * share))
        self._taken = 0
        self._taken_by: Counter[str] = Counter()
        self._mean_seconds = 0.0
        self._next_turn = 0.0
        self._lock = threading.Lock()
        self._turns = asyncio.Semaphore(running)

    @property
    def taken(self) -> int:
        """The number of pieces of work that run or wait."""
        return self._taken

    def enter(self, subject: str = "") -> None:
        """Take a place for a piece of work, until `leave`. Raises `Overloaded`."""
        with self._lock:
            self._require_place(subject)
            self._taken += 1
            self._taken_by[subject] += 1
            metrics.queue_changed(self._name, taken=self._taken, running=self._running)

    def leave(self, subject: str = "") -> None:
        """Give back the place of a piece of work."""
        with self._lock:
            self._taken -= 1
            metrics.queue_changed(self._name, taken=self._taken, running=self._running)
            self._taken_by[subject] -= 1
            if not self._taken_by[subject]:
                del self._taken_by[subject]

    def require_place(self, subject: str = "") -> None:
        """Raise `Overloaded` if the queue would refuse work of `subject` now."""
        with self._lock:
            self._require_place(subject)

    def record(self, seconds: float) -> None:
        """Record for how long a piece of work ran."""
        with self._lock:
            self._mean_seconds += WEIGHT_OF_THE_LAST * (seconds - self._mean_seconds)

    @asynccontextmanager
    async def admitted(self, subject: str = "") -> AsyncIterator[None]:
        """Wait in order of arrival, then run the block. Belongs to one event loop. Raises `Overloaded`."""
        self.enter(subject)
        try:
            async with self._turns:
                started = time.perf_counter()
                try:
                    yield
                finally:
                    self.record(time.perf_counter() - started)
        finally:
            self.leave(subject)

    def _require_place(self, subject: str) -> None:
        waiting = max(0, self._taken + 1 - self._running)
        wait_seconds = waiting * self._mean_seconds / self._running
        if self._taken >= self._places or wait_seconds > self._max_wait_seconds:
            self._count("queue_full" if self._taken >= self._places else "slow_queue")
            raise Overloaded(
                "The service is busy. Retry after the time in Retry-After.",
                retry_after_seconds=self._retry_after(wait_seconds),
            )
        if self._taken_by[subject] >= self._max_of_subject:
            self._count("share")
            raise Overloaded(
                "Too many queries of this subject are running or waiting.", retry_after_seconds=self._retry_after(0)
            )

    def _count(self, reason: str) -> None:
        metrics.rejected(reason if self._name == "query" else self._name)

    def _retry_after(self, wait_seconds: float) -> int:
        """Return after how many seconds a refused caller should retry: later than those refused before it."""
        now = time.monotonic()
        turn = max(now, self._next_turn)
        step = self._mean_seconds / self._running / SHARE_OF_THE_REFUSED
        self._next_turn = min(turn + step, now + MAX_RETRY_SECONDS)
        return min(max(1, math.ceil(wait_seconds + turn - now)), MAX_RETRY_SECONDS)
