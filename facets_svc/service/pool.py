"""Threads for blocking work, at a lower priority than the event loop, behind an admission queue."""

from __future__ import annotations

import asyncio
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final, TypeVar

from facets_svc.engine.base import Interruption
from facets_svc.service.admission import AdmissionQueue

T = TypeVar("T")

NICENESS: Final = 10
"""Added to the niceness of threads that compute: they get a tenth of a core that the event loop wants, too."""


def lower_priority() -> None:
    """Lower the priority of the calling thread, and of the threads that it starts from now on.

    Does nothing where niceness belongs to processes, not to threads: anywhere but on Linux.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            own = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(own + NICENESS, 19))


class Pool:
    """Runs blocking work in `threads` threads; up to `queue` more pieces of work wait.

    Work takes a place of the admission queue until its thread is done, even if its caller has left.
    """

    def __init__(self, *, threads: int, queue: int, max_wait_seconds: float = math.inf) -> None:
        self.admission = AdmissionQueue(running=threads, waiting=queue, max_wait_seconds=max_wait_seconds)
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="facets-query", initializer=lower_priority)

    async def run(self, work: Callable[[Interruption], T]) -> T:
        """Return the result of `work`. Raises `Overloaded` when no place is free, and the errors of `work`.

        When the awaiting task is cancelled, waiting work never starts, and running work is interrupted through its
        `Interruption`.
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
        """Cancel waiting work, and wait until running work is done."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _timed(self, work: Callable[[Interruption], T], interruption: Interruption) -> T:
        started = time.perf_counter()
        try:
            return work(interruption)
        finally:
            self.admission.record(time.perf_counter() - started)

    def _release(self, _done: Future[T]) -> None:
        self.admission.leave()
