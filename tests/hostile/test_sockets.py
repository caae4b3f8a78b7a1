"""What no HTTP library would send, to the real server: it answers or hangs up, and goes on serving everybody else."""

from __future__ import annotations

import io
import json
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path

import pytest

from facets_svc.catalogue import FACETS as ALL_FACETS
from tests.faults.serving import resident_bytes
from tests.web.client import FACETS
from tests.web.live import ACME, Server, start

HEAD = f"GET {FACETS} HTTP/1.1\r\nHost: a\r\n{ACME}\r\n"
WHOLE = f"{HEAD}\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start(tmp_path_factory.mktemp("lake"))
    yield server
    code, log = server.stop()
    assert code == 0
    assert "Traceback" not in log
    assert '"level":"error"' not in log
    assert "panick" not in log


@pytest.fixture(autouse=True)
def everybody_else(server: Server) -> Iterator[None]:
    """After each attack, an honest client is served, and the server has grown by little."""
    (worker,) = server.workers()
    before = resident_bytes(Path("/proc", str(worker)))
    yield
    assert server.ask(FACETS, ACME)[0] == 200
    assert server.workers() == [worker]
    assert resident_bytes(Path("/proc", str(worker))) < before + 64 * 2**20


def target(target: str) -> str:
    return f"GET {target} HTTP/1.1\r\nHost: a\r\n{ACME}\r\n\r\n"


class _Received(io.BytesIO):
    """Bytes that were received, as `http.client` reads them: one answer after the other."""

    def makefile(self, _mode: str) -> _Received:
        return self

    def close(self) -> None:
        """Stay open: the next answer is read from here."""


def exchange(server: Server, sent: bytes, *, answers: int, patience: float = 10.0, hang_up: bool = False) -> list[int]:
    """Send bytes and return the statuses of what comes back, until the server closes or is silent.

    It is given time for so many answers, and a moment for one too many.
    """
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=patience) as connection, suppress(OSError):
        with suppress(BrokenPipeError, ConnectionResetError):  # it may refuse before everything is sent
            connection.sendall(sent)
            if hang_up:
                connection.shutdown(socket.SHUT_WR)
        while chunk := connection.recv(65536):
            received += chunk
            connection.settimeout(patience if len(read(received, sent)) < answers else 0.1)
    return read(received, sent)


def read(received: bytes, sent: bytes) -> list[int]:
    """Return the statuses of whole answers; those of the application that are errors must have the envelope."""
    file = _Received(received)
    statuses = []
    with suppress(HTTPException):
        while file.tell() < len(received):
            response = HTTPResponse(file, method="HEAD" if sent.startswith(b"HEAD") else "GET")  # type: ignore[arg-type]
            response.begin()
            body = response.read()
            if response.headers["X-Request-Id"] and response.status >= 400:
                envelope = json.loads(body)
                assert (envelope["code"], response.headers["Content-Type"]) == (response.status, "application/json")
            statuses.append(response.status)
    return statuses


NOTHING: list[int] = []
REFUSED = [400]


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        (WHOLE, [200]),
        (WHOLE * 50, [200] * 50),
        # two lengths, of which the one that counts says that the body ends at once, and what follows it
        (f"{HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{WHOLE}", [200]),
        (f"{HEAD}Content-Length: {len(target('/x'))}\r\n\r\n{target('/x')}", [200]),
        (f"{HEAD}Content-Length: 5\r\n\r\nabcde{WHOLE}", [200, 200]),
        (f"{HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", REFUSED),
        (f"{HEAD}Content-Length: +5\r\n\r\nabcde", REFUSED),
        (f"{HEAD}Content-Length: -1\r\n\r\n", REFUSED),
        (f"{HEAD}Content-Length: 9{'9' * 30}\r\n\r\n", REFUSED),
        (f"{HEAD}Transfer-Encoding: gzip\r\n\r\n", REFUSED),
        (f"{HEAD}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", REFUSED),
        (f"{HEAD}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", [200]),
        (f"{HEAD}Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", [200]),
        (f"{HEAD}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n", [200]),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", NOTHING),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "a" * 300, REFUSED),
        ("\0" * 5000, REFUSED),
        ("\r\n" * 5000 + WHOLE, [200]),
        (f"GET {FACETS} HTTP/9.9\r\n\r\n", REFUSED),
        (f"GET {FACETS}\r\n\r\n", REFUSED),
        (f"GET {FACETS} HTTP/1.1\r\nHost: a\r\n {ACME}\r\n\r\n", REFUSED),
        (f"{HEAD}X-A: \0\r\n\r\n", REFUSED),
        (f"{HEAD}X-Request-Id: a\rX-B: c\r\n\r\n", REFUSED),
        (f"{HEAD}: a\r\n\r\n", REFUSED),
        (f"{HEAD}Host: b\r\nHost: c/ d\r\n\r\n", [200]),
        (target(f"{FACETS}?tags=\xff"), REFUSED),
        (target("/api/v1/org/\xff/models/facets"), REFUSED),
        (target(f"{FACETS}?tags=\x01"), REFUSED),
        (target(f"{FACETS}?tags=a b"), REFUSED),
        (target(f"{FACETS}?tags=\xc3\xa9"), [200]),
        (target(f"{FACETS}?tags=%C3%28"), [400]),
        (target(f"{FACETS}#tags=%zz"), [200]),
        (target(f"//evil.example{FACETS}"), [404]),
        (target(f"http://evil.example{FACETS}"), [200]),
        (target(FACETS[1:]), REFUSED),
        (target("?tags=a"), REFUSED),
        (target("/health/live%00"), [404]),
        (f"OPTIONS * HTTP/1.1\r\nHost: a\r\n{ACME}\r\n\r\n", [404]),
        (f"CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n{ACME}\r\n\r\n", [405]),
        (f"TRACE {FACETS} HTTP/1.1\r\nHost: a\r\n{ACME}\r\n\r\n", [405]),
        (f"{'M' * 5000} {FACETS} HTTP/1.1\r\nHost: a\r\n{ACME}\r\n\r\n", [405]),
        (target(f"{FACETS}?search={'a' * 64_000}"), [422]),
        (target(f"{FACETS}?{'tags=a&' * 9000}"), [422]),
        (target(f"{FACETS}?{'&' * 64_000}"), [200]),
        (target("/" + "%41" * 21_000), [404]),
        (target(f"{FACETS}?search={'a' * 70_000}"), [414]),
        (HEAD + "".join(f"X-{number}: a\r\n" for number in range(5000)) + "\r\n", [431]),
        (f"{HEAD}X-A: {'a' * 300_000}\r\n\r\n", [200]),
        (f"{HEAD}If-None-Match: {'W/' * 100_000}\r\n\r\n", [200]),
        (HEAD + "If-None-Match: " + '"a", ' * 50_000 + "\r\n\r\n", [200]),
        (f"{HEAD}X-A: {'a' * 2_000_000}\r\n\r\n", [431]),
    ],
    ids=lambda value: repr(value)[:60] if isinstance(value, str) else None,
)
def test_bytes_of_every_kind_are_answered_or_refused(server: Server, sent: str, statuses: list[int]) -> None:
    assert exchange(server, sent.encode("latin-1"), answers=len(statuses)) == statuses


def test_one_who_shuts_half_of_the_connection_has_left(server: Server) -> None:
    assert exchange(server, WHOLE.encode(), answers=1, hang_up=True) in ([], [200])


def test_garbage_brings_nobody_down(server: Server) -> None:
    chance = random.Random(23)  # noqa: S311 - seeded on purpose
    assert spoil(server, chance, 150) <= {200, 400, 401, 404, 405, 414, 422, 431}


def spoil(server: Server, chance: random.Random, count: int) -> set[int]:
    """Send requests in which some bytes are others, or are cut off; return the statuses that were seen."""
    seen: Counter[int] = Counter()
    names = [facet.parameter for facet in ALL_FACETS]
    for _ in range(count):
        query = "&".join(f"{chance.choice(names)}=%{chance.randrange(256):02x}" for _ in range(chance.randrange(5)))
        sent = bytearray(target(f"{FACETS}?{query}").encode() * chance.choice([1, 1, 2]))
        for _ in range(chance.choice([0, 1, 2, 8])):
            sent[chance.randrange(len(sent))] = chance.choice(
                [0, 10, 13, 32, 37, 47, 58, 127, 255, chance.randrange(256)]
            )
        whole = bytes(sent[: chance.choice([len(sent), len(sent), chance.randrange(len(sent))])])
        seen.update(exchange(server, whole, answers=1, patience=0.2, hang_up=chance.random() < 0.1))
    return set(seen)


def test_many_who_are_slow_keep_nobody_waiting(server: Server) -> None:
    with ExitStack() as slow:
        for number in range(300):
            connection = slow.enter_context(server.connect())
            connection.sendall(
                (HEAD[: 10 + number % 100] if number % 2 else f"{HEAD}Content-Length: 99\r\n\r\na").encode()
            )
        for _ in range(20):
            assert server.ask(FACETS, ACME)[0] == 200


def test_a_client_that_reads_nothing_takes_no_memory(server: Server) -> None:
    with ExitStack() as stuck:
        for _ in range(20):
            connection = stuck.enter_context(server.connect())
            connection.settimeout(0.2)
            with suppress(TimeoutError):  # the server takes no more, for nothing of what it sends is read
                for _ in range(50):
                    connection.sendall(target("/schema/openapi.json").encode() * 20)
        assert server.ask(FACETS, ACME)[0] == 200


def test_the_queries_of_those_who_leave_are_interrupted(tmp_path: Path) -> None:
    server = start(tmp_path, FACETS_CONCURRENCY="4", FACETS_QUEUE="100")
    server.take_up("stuck")
    leaving = 24
    with ExitStack() as crowd:
        for number in range(leaving):
            crowd.enter_context(server.connect()).sendall(target(f"{FACETS}?search=s{number}").encode())
        time.sleep(0.5)  # they are accepted; four run
    server.take_up("s1")
    assert server.ask(FACETS, ACME)[0] == 200

    _, log = server.stop()

    lines = [json.loads(line) for line in log.splitlines()]
    assert Counter(line["status"] for line in lines if line.get("org")) == {499: leaving, 200: 1}
    # The four that ran; what waited may have begun in their place before its own client left.
    assert 4 <= sum(line["message"] == "interrupted" for line in lines) <= leaving
    assert "Traceback" not in log


@pytest.mark.soak
def test_five_thousand_spoilt_requests_bring_nobody_down(server: Server, say: Callable[[str], None]) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    seen = spoil(server, random.Random(seed), 5000)  # noqa: S311 - it looks elsewhere each time
    say(f"spoilt requests: 5,000 (seed {seed}), statuses {sorted(seen)}, 0 of 5xx")
    assert seen <= {200, 400, 401, 404, 405, 414, 422, 431}
