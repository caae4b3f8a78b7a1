"""Identical questions that are asked at the same time are answered by one computation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from facets_svc import metrics
from facets_svc.service.timing import Course, Timing


@dataclass(slots=True, eq=False)
class _Flight:
    """One computation that is under way, its stations, and how many wait for it."""

    course: Course = field(default_factory=Course)
    task: asyncio.Task[Any] = field(init=False)
    waiters: int = 0


class Flights:
    """The computations that are under way, by what they compute. Belongs to one event loop.

    A computation goes on while anybody waits for it, and is cancelled when the last one has left. Its error is its
    waiters', and nobody else's: the next one who asks starts another.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, _Flight] = {}

    def __len__(self) -> int:
        """How many computations are under way."""
        return len(self._under_way)

    def __contains__(self, key: Hashable) -> bool:
        """Tell whether `key` is being computed."""
        return key in self._under_way

    async def join(self, key: Hashable, depart: Callable[[Course], Coroutine[Any, Any, Any]], timing: Timing) -> Any:
        """Wait for the computation of `key`, which `depart` starts if there is none; tell `timing` how it went."""
        flight = self._under_way.get(key)
        timing.shared = flight is not None
        metrics.cache_missed(shared=timing.shared)
        if flight is None:
            flight = self._under_way[key] = _Flight()
            flight.task = asyncio.create_task(depart(flight.course))
            flight.task.add_done_callback(partial(self._land, key, flight))
        timing.course = flight.course
        flight.waiters += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.task.done():
                self._forget(key, flight)  # who comes now must not join what is being stopped
                flight.task.cancel()

    def _land(self, key: Hashable, flight: _Flight, task: asyncio.Task[Any]) -> None:
        self._forget(key, flight)
        if not task.cancelled():
            task.exception()  # all may have left: then nobody else takes note of it

    def _forget(self, key: Hashable, flight: _Flight) -> None:
        if self._under_way.get(key) is flight:
            del self._under_way[key]
