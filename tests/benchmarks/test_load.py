from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from benchmarks.load import Job, run


class Counting(http.server.ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked: list[str] = []


class Answering(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Counting

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = b"x" * 100_000
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Counting]:
    with Counting() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def job(server: Counting, **asked: object) -> Job:
    return Job(**{"port": server.server_port, "connections": 1, "seconds": 60.0, "headers": {}, **asked})  # type: ignore[arg-type]


def test_distinct_targets_are_asked_for_once_each_and_end_the_run(server: Counting) -> None:
    targets = [f"/{number}" for number in range(5)]

    outcome = run(job(server, distinct=targets, share_repeated=0.0))

    assert server.asked == targets
    assert outcome.distinct is not None
    assert outcome.distinct.requests == 5
    assert outcome.repeated is None
    assert outcome.failed == {}
    assert outcome.bytes_an_answer > 100_000


def test_repeated_targets_are_warmed_up_and_told_apart(server: Counting) -> None:
    targets = [f"/{number}" for number in range(5)]

    outcome = run(job(server, repeated=["/again"], distinct=targets, share_repeated=0.8))

    assert server.asked[0] == "/again"
    assert [target for target in server.asked if target != "/again"] == targets
    assert outcome.repeated is not None
    assert outcome.repeated.requests == server.asked.count("/again") - 1
    assert outcome.distinct is not None
    assert outcome.distinct.requests == 5


def test_an_answer_that_is_not_200_is_a_failure_and_has_no_latency(server: Counting) -> None:
    outcome = run(job(server, distinct=["/missing", "/1"], share_repeated=0.0))

    assert outcome.failed == {"404": 1}
    assert outcome.distinct is not None
    assert outcome.distinct.requests == 1
