"""A round-robin load balancer on loopback: each connection goes to the next service that takes it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from typing import Self


class Balancer:
    """Passes connections at `port` on to `targets`, in turn; a target that refuses is passed over."""

    def __init__(self, *targets: int) -> None:
        self.targets = list(targets)
        self.port = 0
        self._turns = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()

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
            far_reader, far = await self._connect()
            carriers = [asyncio.ensure_future(_carry(*ends)) for ends in ((reader, far), (far_reader, writer))]
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
                    with contextlib.suppress(OSError):
                        side.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        targets = list(self.targets)
        first = next(self._turns)
        for number in range(len(targets)):
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", targets[(first + number) % len(targets)])
        raise ConnectionRefusedError


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while block := await reader.read(64 * 1024):
            writer.write(block)
            await writer.drain()
