"""A load generator: `python -m benchmarks.load` reads a `Job` as JSON from stdin, and writes an `Outcome`.

Each connection waits for its answer before it asks again. Time and connections are bounded, the address is loopback.
Raw sockets and one `epoll` in one process, since on a small machine whatever this uses is taken from the server.
"""

from __future__ import annotations

import random
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from benchmarks.rounds import nearest_rank

_LENGTH: Final = b"\r\ncontent-length:"
_END: Final = b"\r\n\r\n"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask for, and for how long.

    `repeated` targets are asked for once before the clock starts, and then over and over; `distinct` ones once each.
    `share_repeated` of the requests are of the first kind. It ends after `seconds`, or when no distinct target is left.
    """

    port: int
    connections: int
    seconds: float
    headers: dict[str, str]
    repeated: list[str] = []
    distinct: list[str] = []
    share_repeated: float = 1.0


class Latencies(msgspec.Struct, frozen=True):
    """Milliseconds from the request to the last byte of its answer."""

    requests: int
    p50: float
    p99: float
    slowest: float


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a job.

    `failed` counts the answers that were not 200, by their status. `longest_silence_ms` is the longest time in which no
    answer arrived at all; `client_cpu` the share of a core that this process used: near 1, it was the bound.
    """

    requests_a_second: float
    repeated: Latencies | None
    distinct: Latencies | None
    failed: dict[str, int]
    longest_silence_ms: float
    client_cpu: float
    bytes_an_answer: float


@dataclass
class _Connection:
    socket: socket.socket
    is_repeated: bool = True
    started: float = 0.0
    expected: int = 0
    received: bytearray = field(default_factory=bytearray)

    def send(self, request: bytes, *, is_repeated: bool) -> None:
        self.is_repeated = is_repeated
        self.expected = 0
        self.received.clear()
        self.started = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """Read what there is; return the status once the answer is whole."""
        chunk = self.socket.recv(1 << 18)
        if not chunk:
            raise ConnectionError("The server closed the connection.")
        self.received += chunk
        if not self.expected:
            end = self.received.find(_END)
            if end < 0:
                return None
            head = bytes(self.received[:end]).lower()
            place = head.index(_LENGTH) + len(_LENGTH)
            self.expected = end + len(_END) + int(head[place:].split(b"\r\n", 1)[0])
        return int(self.received[9:12]) if len(self.received) >= self.expected else None


def _requests(job: Job) -> Iterator[tuple[bytes, bool]]:
    """Yield requests, and whether each is one of the repeated ones."""
    rng = random.Random(job.port)
    repeated = [_request(job, target) for target in job.repeated]
    distinct = (_request(job, target) for target in job.distinct)
    while True:
        if repeated and rng.random() < job.share_repeated:
            yield rng.choice(repeated), True
            continue
        request = next(distinct, None)
        if request is None:
            return
        yield request, False


def _request(job: Job, target: str) -> bytes:
    lines = [f"GET {target} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in job.headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _warm_up(job: Job) -> None:
    connection = _Connection(socket.create_connection(("127.0.0.1", job.port), timeout=60))
    with connection.socket:
        for target in job.repeated:
            connection.send(_request(job, target), is_repeated=True)
            while connection.receive() is None:
                pass


def run(job: Job) -> Outcome:
    """Ask until the time is up."""
    _warm_up(job)
    requests = _requests(job)
    taken: dict[bool, list[float]] = {True: [], False: []}
    failed: Counter[str] = Counter()
    silence = total_bytes = 0.0
    with selectors.DefaultSelector() as selector:
        for _ in range(job.connections):
            opened = socket.create_connection(("127.0.0.1", job.port), timeout=60)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(opened, selectors.EVENT_READ, _Connection(opened))
        cpu_before, started = time.process_time(), time.perf_counter()
        last, now, ends = started, started, started + job.seconds
        for key in list(selector.get_map().values()):
            _next(key.data, requests)
        more = True
        while more and now < ends:
            for key, _ in selector.select(timeout=1):
                connection: _Connection = key.data
                status = connection.receive()
                if status is None:
                    continue
                now = time.perf_counter()
                silence, last = max(silence, now - last), now
                total_bytes += connection.expected
                if status == 200:
                    taken[connection.is_repeated].append((now - connection.started) * 1000)
                else:
                    failed[str(status)] += 1
                more = _next(connection, requests) and more
            now = time.perf_counter()
        silence = max(silence, time.perf_counter() - last)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_before
        for key in list(selector.get_map().values()):
            key.data.socket.close()
    answers = len(taken[True]) + len(taken[False])
    return Outcome(
        requests_a_second=answers / seconds,
        repeated=_latencies(taken[True]),
        distinct=_latencies(taken[False]),
        failed=dict(failed),
        longest_silence_ms=silence * 1000,
        client_cpu=cpu / seconds,
        bytes_an_answer=total_bytes / max(1, answers + failed.total()),
    )


def _next(connection: _Connection, requests: Iterator[tuple[bytes, bool]]) -> bool:
    request, is_repeated = next(requests, (None, False))
    if request is None:
        return False
    connection.send(request, is_repeated=is_repeated)
    return True


def _latencies(milliseconds: list[float]) -> Latencies | None:
    if not milliseconds:
        return None
    return Latencies(
        len(milliseconds),
        nearest_rank(milliseconds, 0.5),
        nearest_rank(milliseconds, 0.99),
        max(milliseconds),
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(run(msgspec.json.decode(sys.stdin.buffer.read(), type=Job))))
