"""Blocking work that several want at the same time is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar, cast

T = TypeVar("T")


class SharedWork:
    """The work that is under way in threads, by what it brings. Belongs to one event loop.

    Unlike a computation of `Flights` it cannot be stopped: it goes on when all who waited for it have left.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Future[Any]] = {}

    def __len__(self) -> int:
        """How much work is under way."""
        return len(self._under_way)

    def __contains__(self, key: Hashable) -> bool:
        """Tell whether the work of `key` is under way."""
        return key in self._under_way

    async def result(self, key: Hashable, thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        """Return what the work of `key` brings, or raise what it raises; it is begun in `thread` if it is not."""
        future = self._under_way.get(key)
        if future is None:
            future = self._under_way[key] = asyncio.get_running_loop().run_in_executor(thread, work)
            future.add_done_callback(partial(self._done, key))
        return cast("T", await asyncio.shield(future))

    def _done(self, key: Hashable, future: asyncio.Future[Any]) -> None:
        self._under_way.pop(key, None)
        if not future.cancelled():
            future.exception()  # all may have left: then nobody else takes note of it
