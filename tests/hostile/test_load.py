"""More clients than the service can answer: it says so, stays as fast as it was, and loses nothing that it took on."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import statistics
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
        self.cut_off = 0
        self.broken = 0

    async def ask_for(self, seconds: float, *, clients: int, warm_up: float = 0.0) -> float:
        """Ask for so long, and return the answers of 200 a second, those while everybody arrives left out."""
        until = time.monotonic() + warm_up + seconds
        asking = asyncio.gather(*(self._client(until) for _ in range(clients)))
        await asyncio.sleep(warm_up)
        before, started = self.statuses[200], time.monotonic()
        await asyncio.sleep(until - started)
        answered, ended = self.statuses[200], time.monotonic()
        await asking
        return (answered - before) / (ended - started)

    async def answer_newcomers(self, *, count: int, every: float) -> list[int]:
        """Let clients arrive that ask once each, one after the other; return how often each of them was refused."""
        return await asyncio.gather(*(self._newcomer(number * every) for number in range(count)))

    async def _newcomer(self, later: float) -> int:
        await asyncio.sleep(later)
        for refusals in itertools.count():
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            told = await self._ask(reader, writer)
            writer.close()
            if not told:
                return refusals
            await asyncio.sleep(_pause(told))
        raise AssertionError

    async def _client(self, until: float) -> None:
        while time.monotonic() < until:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                return  # the server listens no more
            try:
                while not (told := await self._ask(reader, writer)) and time.monotonic() < until:
                    pass
            except asyncio.IncompleteReadError as error:
                self.cut_off += 1
                self.broken += bool(error.partial)
                return
            except ConnectionError:
                self.cut_off += 1
                return
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
            if told:
                await asyncio.sleep(min(_pause(told), max(0.0, until - time.monotonic())))

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        """Ask something new; return in how many seconds to come back, 0 for an answer."""
        writer.write(
            f"GET {TARGET}{next(self._numbers)} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: {self._authorization}\r\n\r\n".encode()
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        await reader.readexactly(length)
        status = int(head.split(" ", 2)[1])
        self.statuses[status] += 1
        if status != 429:
            return 0
        after = head.partition("\r\nretry-after: ")[2].partition("\r\n")[0]
        self.without_retry_after += not after.isdecimal()
        return int(after or 1)


def _pause(told: int) -> float:
    """Return how many seconds a good client waits that was told so many: not less, and not all of them the same."""
    return told * random.uniform(1, 1.5)  # noqa: S311


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
    asyncio.run(crowd.ask_for(3, clients=4))
    before, client_before = resident_bytes(server.worker()), time.process_time()
    # The peak is that of as many as find a place. In turns, since a machine that does other things too does not do them
    # evenly.
    turns = [
        (asyncio.run(crowd.ask_for(6, clients=32)), asyncio.run(crowd.ask_for(15, clients=2000, warm_up=5)))
        for _ in range(3)
    ]
    after, client_seconds = resident_bytes(server.worker()), time.process_time() - client_before
    peaks, goodputs = zip(*turns, strict=True)
    share = sum(goodputs) / sum(peaks)
    say(
        f"2,000 clients: {dict(crowd.statuses)}, {statistics.mean(goodputs):.0f} answers a second of a peak of "
        f"{statistics.mean(peaks):.0f} ({share:.0%}), {before / 2**20:.0f} -> {after / 2**20:.0f} MiB; "
        f"the clients themselves took {client_seconds / sum([6 + 5 + 15] * 3):.0%} of a core"
    )
    assert set(crowd.statuses) == {200, 429}
    assert (crowd.without_retry_after, crowd.cut_off) == (0, 0)
    assert share >= 0.9
    assert after < before + 200 * 2**20


@pytest.mark.soak
def test_newcomers_are_answered_while_two_thousand_clients_ask(server: Server, say: Callable[[str], None]) -> None:
    crowd = Crowd(server)

    async def arrive() -> list[int]:
        asking = asyncio.create_task(crowd.ask_for(90, clients=2000))
        await asyncio.sleep(10)
        refusals = await crowd.answer_newcomers(count=40, every=0.5)
        await asking
        return refusals

    refusals = asyncio.run(arrive())
    say(
        f"newcomers among 2,000 clients: {len(refusals)}, of which {refusals.count(0)} were answered at once, "
        f"the others after {max(refusals)} refusals at most"
    )
    assert set(crowd.statuses) == {200, 429}
    assert max(refusals) < 10


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
