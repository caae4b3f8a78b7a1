"""More clients than the service can answer: it says so, stays as fast as it was, and loses nothing that it took on."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from facets_svc.lake import Lake
from tests.catalogues import sync
from tests.faults.serving import Server, resident_bytes, served
from tests.web.client import token

TARGET = "/api/v1/org/timm/models/facets?include_public=true&search="


@pytest.fixture
def server(tmp_path: Path, sample_path: Path) -> Iterator[Server]:
    sync(sample_path, Lake.open(str(tmp_path / "lake")))
    with served(tmp_path / "lake", tmp_path / "log", FACETS_QUEUE="32", FACETS_CACHE_BYTES="0") as server:
        server.wait_for(str(Lake.open(str(tmp_path / "lake")).current()))
        yield server


class Crowd:
    """Clients that ask one after the other, each over a connection of its own, something new each time."""

    def __init__(self, server: Server) -> None:
        self._port = server.port
        self._authorization = f"Bearer {token('timm', exp=int(time.time()) + 3600)}"
        self._numbers = itertools.count()
        self.statuses: Counter[int] = Counter()
        self.without_retry_after = 0
        self.retry_after = 1
        self.cut_off = 0
        self.broken = 0

    async def ask_for(self, seconds: float, *, clients: int) -> float:
        """Ask for so long, and return the answers of 200 a second."""
        before, started = self.statuses[200], time.monotonic()
        await asyncio.gather(*(self._client(started + seconds) for _ in range(clients)))
        return (self.statuses[200] - before) / (time.monotonic() - started)

    async def _client(self, until: float) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return  # the server listens no more
        try:
            while time.monotonic() < until:
                status = await self._ask(reader, writer)
                self.statuses[status] += 1
                if status == 429:
                    # As a client should: not before it was told to, and not all at once.
                    await asyncio.sleep(self.retry_after * random.uniform(1, 4))  # noqa: S311
        except asyncio.IncompleteReadError as error:
            self.cut_off += 1
            self.broken += bool(error.partial)
        except ConnectionError:
            self.cut_off += 1
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        writer.write(
            f"GET {TARGET}{next(self._numbers)} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: {self._authorization}\r\n\r\n".encode()
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        await reader.readexactly(length)
        status = int(head.split(" ", 2)[1])
        if status == 429:
            after = head.partition("\r\nretry-after: ")[2].partition("\r\n")[0]
            self.without_retry_after += not after.isdecimal()
            self.retry_after = int(after or 1)
        return status


def test_a_crowd_is_answered_or_told_to_come_back(server: Server) -> None:
    crowd = Crowd(server)
    asyncio.run(crowd.ask_for(2, clients=150))
    assert set(crowd.statuses) == {200, 429}
    assert (crowd.without_retry_after, crowd.cut_off) == (0, 0)


def test_a_stop_under_load_loses_no_request_that_was_taken_on(server: Server, tmp_path: Path) -> None:
    log = tmp_path / "log"
    crowd = Crowd(server)

    async def stop() -> None:
        asking = asyncio.create_task(crowd.ask_for(10, clients=16))
        await asyncio.sleep(1)
        os.kill(server.process.pid, signal.SIGTERM)
        await asking

    asyncio.run(stop())
    assert server.process.wait(60) == 0
    # Every request that the application took on is in its log, and its answer has come.
    logged = Counter(
        line["status"] for line in map(json.loads, log.read_text().splitlines()) if line.get("org") == "timm"
    )
    assert crowd.statuses[200] > 10
    assert (logged[200], crowd.broken) == (crowd.statuses[200], 0)


@pytest.mark.soak
def test_two_thousand_clients_are_answered_or_told_to_come_back(server: Server, say: Callable[[str], None]) -> None:
    crowd = Crowd(server)
    peak = max(asyncio.run(crowd.ask_for(5, clients=clients)) for clients in (4, 16, 64))
    before = resident_bytes(server.worker())
    goodput = asyncio.run(crowd.ask_for(30, clients=2000))
    after = resident_bytes(server.worker())
    say(
        f"2,000 clients: {dict(crowd.statuses)}, {goodput:.0f} answers a second of a peak of {peak:.0f} "
        f"({goodput / peak:.0%}), {before / 2**20:.0f} -> {after / 2**20:.0f} MiB"
    )
    assert set(crowd.statuses) == {200, 429}
    assert (crowd.without_retry_after, crowd.cut_off) == (0, 0)
    assert after < before + 200 * 2**20


@pytest.mark.soak
def test_a_killed_worker_is_back_within_three_seconds(server: Server, say: Callable[[str], None]) -> None:
    seconds = []
    for _ in range(5):
        worker = int(server.worker().name)
        os.kill(worker, signal.SIGKILL)
        killed = time.monotonic()
        while time.monotonic() < killed + 20:
            with suppress(OSError, ValueError):  # no answer, or no worker yet
                if server.get("/health/ready")[0] == 200 and int(server.worker().name) != worker:
                    break
            time.sleep(0.02)
        seconds.append(time.monotonic() - killed)
        time.sleep(6)  # granian ends when a worker dies within 5.5 s of its start: a supervisor starts it again
    say(f"killed workers: 5, back after {max(seconds):.2f} s at most")
    assert max(seconds) < 3
