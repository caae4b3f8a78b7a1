"""Room for queries: some run, some wait for their turn, and others are told to come again."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from facets_svc import metrics
from facets_svc.errors import Overloaded

RETRY_SECONDS: Final = 1
"""When those who found no room are told to come again."""


class Slots:
    """Lets `processes` run and `queue` more wait, first come, first served; of one asker no more than half of them.

    Belongs to one event loop.
    """

    def __init__(self, *, processes: int, queue: int) -> None:
        self._processes = processes
        self._free = processes
        self._queue = queue
        self._share = max(1, (processes + queue) // 2)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._of: Counter[str] = Counter()

    @asynccontextmanager
    async def held(self, asker: str) -> AsyncIterator[None]:
        """Hold a slot, waiting for one if need be. Raises `Overloaded` when too many wait, or are this asker's."""
        if self._of[asker] >= self._share:
            raise Overloaded("Too many of your queries are running.", retry_after_seconds=RETRY_SECONDS)
        self._of[asker] += 1
        try:
            await self._take()
            try:
                yield
            finally:
                self._give_back()
        finally:
            self._of[asker] -= 1
            if not self._of[asker]:
                del self._of[asker]

    async def _take(self) -> None:
        if self._free:
            self._free -= 1
            self._measure()
            return
        if len(self._waiting) >= self._queue:
            raise Overloaded("Too many queries are running; try again in a moment.", retry_after_seconds=RETRY_SECONDS)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._measure()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()  # its turn had come already
            else:
                with suppress(ValueError):  # who gave a slot back has passed it over already
                    self._waiting.remove(turn)
            raise
        finally:
            self._measure()

    def _give_back(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
        self._measure()

    def _measure(self) -> None:
        metrics.sql_changed(running=self._processes - self._free, queued=len(self._waiting))
