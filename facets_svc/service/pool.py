"""Threads for blocking work, behind an admission queue."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from facets_svc.engine.base import Interruption
from facets_svc.service.admission import AdmissionQueue
from facets_svc.service.priority import step_back

T = TypeVar("T")


class Pool:
    """Runs blocking work in `threads` threads; up to `queue` more pieces of work wait for their turn.

    A place is taken from admission until the thread is done, also when the caller has left: work that still runs is
    counted.
    """

    def __init__(self, *, threads: int, queue: int, patience_seconds: float = math.inf) -> None:
        self.admission = AdmissionQueue(running=threads, waiting=queue, patience_seconds=patience_seconds)
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="facets-query", initializer=step_back)

    async def run(self, work: Callable[[Interruption], T]) -> T:
        """Return what `work` returns. Raises `Overloaded` when neither a thread nor a place in the queue is free.

        When the awaiting task is cancelled, work that waits never starts, and work that runs is asked to stop through
        its `Interruption`.
        """
        self.admission.enter()
        interruption = Interruption()
        try:
            future = self._executor.submit(self._timed, work, interruption)
        except RuntimeError:  # the pool is closed
            self.admission.leave()
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

    def _timed(self, work: Callable[[Interruption], T], interruption: Interruption) -> T:
        started = time.perf_counter()
        try:
            return work(interruption)
        finally:
            self.admission.note(time.perf_counter() - started)

    def _release(self, _done: Future[T]) -> None:
        self.admission.leave()
