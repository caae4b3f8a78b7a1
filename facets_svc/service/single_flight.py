"""Single flight: work that several callers want at the same time is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar, cast

from facets_svc.service.timing import Course, Timing

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Flight:
    """Work that is under way, its stations, and how many wait for it."""

    course: Course = field(default_factory=Course)
    task: asyncio.Task[Any] = field(init=False)
    waiters: int = 0


class SingleFlight:
    """The work that is under way, by its result. Belongs to one event loop.

    An error of the work goes to those who wait for it, and to nobody else: the next caller starts it anew.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, _Flight] = {}

    def __len__(self) -> int:
        """How much work is under way."""
        return len(self._under_way)

    def __contains__(self, key: Hashable) -> bool:
        """Tell whether the work of `key` is under way."""
        return key in self._under_way

    async def join(
        self, key: Hashable, start: Callable[[Course], Coroutine[Any, Any, Any]], timing: Timing, *, stops: bool = True
    ) -> Any:
        """Wait for the work of `key`, which `start` begins if nobody has; tell `timing` how it went.

        Where it `stops`, it is cancelled when the last caller has left; otherwise it goes on.
        """
        flight = self._under_way.get(key)
        timing.shared = flight is not None
        if flight is None:
            flight = self._under_way[key] = _Flight()
            flight.task = asyncio.create_task(start(flight.course))
            flight.task.add_done_callback(partial(self._land, key, flight))
        timing.course = flight.course
        flight.waiters += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiters -= 1
            if stops and not flight.waiters and not flight.task.done():
                self._forget(key, flight)  # a caller that comes now must not join work that is being stopped
                flight.task.cancel()

    async def run(self, key: Hashable, executor: Executor, work: Callable[[], T]) -> T:
        """Return the result of blocking `work`, which runs in `executor` to its end even if every caller leaves."""

        async def start(_course: Course) -> T:
            return await asyncio.get_running_loop().run_in_executor(executor, work)

        return cast("T", await self.join(key, start, Timing(), stops=False))

    def _land(self, key: Hashable, flight: _Flight, task: asyncio.Task[Any]) -> None:
        self._forget(key, flight)
        if not task.cancelled():
            task.exception()  # every caller may have left: then nothing else takes note of it

    def _forget(self, key: Hashable, flight: _Flight) -> None:
        if self._under_way.get(key) is flight:
            del self._under_way[key]
