"""Single flight: equal work at the same time is done once, for all callers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar, cast

from facets_svc.service.timing import Stages, Timing

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Work:
    """Running work, its stages, and the number of callers that wait for it."""

    stages: Stages = field(default_factory=Stages)
    task: asyncio.Task[Any] = field(init=False)
    waiters: int = 0


class SingleFlight:
    """Shares running work between callers, by a key. Belongs to one event loop.

    All callers that wait for work receive its error. The next caller starts the work again.
    """

    def __init__(self) -> None:
        self._running: dict[Hashable, _Work] = {}

    def __len__(self) -> int:
        """Return the number of keys whose work is running."""
        return len(self._running)

    def __contains__(self, key: Hashable) -> bool:
        """Return whether the work of `key` is running."""
        return key in self._running

    async def join(
        self, key: Hashable, start: Callable[[Stages], Coroutine[Any, Any, T]], timing: Timing, *, stops: bool = True
    ) -> T:
        """Return the result of the work of `key`, which `start` begins unless it is running; fill in `timing`.

        When the last caller has left, the work is cancelled if `stops`, and goes on otherwise.
        """
        work = self._running.get(key)
        timing.shared = work is not None
        if work is None:
            work = self._running[key] = _Work()
            work.task = asyncio.create_task(start(work.stages))
            work.task.add_done_callback(partial(self._finish, key, work))
        timing.stages = work.stages
        work.waiters += 1
        try:
            return cast("T", await asyncio.shield(work.task))
        finally:
            work.waiters -= 1
            if stops and not work.waiters and not work.task.done():
                self._forget(key, work)  # a new caller must not join work that is being cancelled
                work.task.cancel()

    async def run(self, key: Hashable, executor: Executor, work: Callable[[], T]) -> T:
        """Return the result of blocking `work`, which runs in `executor` to its end even if every caller leaves."""

        async def start(_stages: Stages) -> T:
            return await asyncio.get_running_loop().run_in_executor(executor, work)

        return await self.join(key, start, Timing(), stops=False)

    def _finish(self, key: Hashable, work: _Work, task: asyncio.Task[Any]) -> None:
        self._forget(key, work)
        if not task.cancelled():
            task.exception()  # if every caller has left, asyncio would log that nobody retrieved it

    def _forget(self, key: Hashable, work: _Work) -> None:
        if self._running.get(key) is work:
            del self._running[key]
