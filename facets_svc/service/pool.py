"""A bounded pool of threads with admission in front, so that a busy service says so instead of falling behind."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from facets_svc import metrics
from facets_svc.engine.base import Interruption
from facets_svc.errors import Overloaded
from facets_svc.service.priority import step_back

T = TypeVar("T")

WEIGHT_OF_THE_LAST: Final = 0.1
"""How much the last piece of work changes what is expected of the next."""

SHARE_OF_THE_REFUSED: Final = 0.2
"""The part of what can be done that is promised to those who were refused; the rest is for whoever comes anew."""

MAX_RETRY_SECONDS: Final = 30
"""How late whoever is refused is told to come back at the most, however many were refused before."""


class Pool:
    """Runs blocking work in `threads` threads; up to `queue` more pieces of work wait for their turn.

    What comes on top is refused at once, and so is what would wait for longer than `patience_seconds`, going by how
    long work has taken lately: when everybody waits until their deadline, the threads do work that nobody waits for any
    more. Those who are refused are told to come back one after the other: a crowd that comes back all at once is only
    refused again, which costs what answers are made of. A place is taken from admission until the thread is done, also
    when whoever asked has left: what still runs is counted.
    """

    def __init__(self, *, threads: int, queue: int, patience_seconds: float = math.inf) -> None:
        self._threads = threads
        self._places = threads + queue
        self._patience_seconds = patience_seconds
        self._taken = 0
        self._lately = 0.0
        self._next_turn = 0.0
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="facets-query", initializer=step_back)

    @property
    def taken(self) -> int:
        """How many pieces of work run or wait."""
        return self._taken

    async def run(self, work: Callable[[Interruption], T]) -> T:
        """Return what `work` returns. Raises `Overloaded` when neither a thread nor a place in the queue is free.

        When the awaiting task is cancelled, work that waits never starts, and work that runs is asked to stop through
        its `Interruption`.
        """
        self._admit()
        interruption = Interruption()
        try:
            future = self._executor.submit(self._timed, work, interruption)
        except RuntimeError:  # the pool is closed
            self._release()
            raise
        future.add_done_callback(self._release)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            interruption.request()
            raise

    def close(self) -> None:
        """Wait for what runs; what waits never starts."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def require_place(self) -> None:
        """Raise `Overloaded` if work would be refused now."""
        waiting = max(0, self._taken + 1 - self._threads)
        wait_seconds = waiting * self._lately / self._threads
        if self._taken >= self._places or wait_seconds > self._patience_seconds:
            metrics.rejected("queue_full" if self._taken >= self._places else "slow_queue")
            seconds = min(max(1, math.ceil(wait_seconds + self._turn())), MAX_RETRY_SECONDS)
            raise Overloaded("The service is busy; try again in a moment.", retry_after_seconds=seconds)

    def _turn(self) -> float:
        """Return in how many seconds whoever is refused now has their turn, after those who were refused before."""
        now = time.monotonic()
        turn = max(now, self._next_turn)
        self._next_turn = min(turn + self._lately / self._threads / SHARE_OF_THE_REFUSED, now + MAX_RETRY_SECONDS)
        return turn - now

    def _timed(self, work: Callable[[Interruption], T], interruption: Interruption) -> T:
        started = time.perf_counter()
        try:
            return work(interruption)
        finally:
            seconds = time.perf_counter() - started
            with self._lock:
                self._lately += WEIGHT_OF_THE_LAST * (seconds - self._lately)

    def _admit(self) -> None:
        with self._lock:
            self.require_place()
            self._taken += 1
            metrics.queue_changed(taken=self._taken, threads=self._threads)

    def _release(self, _done: Future[T] | None = None) -> None:
        with self._lock:
            self._taken -= 1
            metrics.queue_changed(taken=self._taken, threads=self._threads)
