"""A TCP proxy on loopback that fails on demand: it refuses, stalls, or cuts a connection half-way."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Literal, Self

Mode = Literal["pass", "refuse", "stall"]
Direction = Literal["up", "down"]

_BLOCK = 16 * 1024


class Proxy:
    """Passes on what arrives at `port` to `target`. `mode` is for new bytes, of connections that are open too."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.mode: Mode = "pass"
        self._budget: dict[Direction, int | None] = {"up": None, "down": None}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()

    def cut_after(self, direction: Direction, size: int | None) -> None:
        """Let `size` more bytes pass in all (None: any number), then break every connection that sends another."""
        self._budget[direction] = size

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._accept, "127.0.0.1", 0), self._loop
        ).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        far: asyncio.StreamWriter | None = None
        try:
            if self.mode == "refuse":
                return
            far_reader, far = await asyncio.open_connection("127.0.0.1", self.target)
            directions = (self._carry(reader, far, "up"), self._carry(far_reader, writer, "down"))
            carriers = [asyncio.ensure_future(one) for one in directions]
            try:
                await asyncio.wait(carriers, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for carrier in carriers:
                    carrier.cancel()
                await asyncio.gather(*carriers, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for side in (writer, far):
                if side is not None:
                    side.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction) -> None:
        with contextlib.suppress(OSError):
            while block := await reader.read(_BLOCK):
                while self.mode == "stall":  # noqa: ASYNC110 - another thread sets it
                    await asyncio.sleep(0.02)
                if self.mode == "refuse":
                    return
                budget = self._budget[direction]
                if budget is not None:
                    if len(block) > budget:
                        return
                    self._budget[direction] = budget - len(block)
                writer.write(block)
                await writer.drain()
