from __future__ import annotations

import errno
import io
import json
import logging
import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from facets_svc.web import logs
from facets_svc.web.logs import JsonFormatter, StderrHandler
from tests.web.client import FACETS
from tests.web.live import ACME, Server, start


def record(text: str, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("facets_svc.x", level, "x.py", 1, text, None, None)


class SlowStream(io.StringIO):
    """A stream whose first write waits until it may go on, and that knows what was written together."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.may_go_on = threading.Event()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.begun.set()
        self.may_go_on.wait()
        self.pieces.append(text)
        return super().write(text)


@contextmanager
def writing(stream: io.StringIO) -> Iterator[StderrHandler]:
    handler = StderrHandler(stream)
    handler.start()
    try:
        yield handler
    finally:
        handler.stop()


def test_a_slow_stderr_delays_no_request_and_loses_no_line() -> None:
    stream = SlowStream()
    with writing(stream) as handler:
        for number in range(1000):
            handler.handle(record(f"line {number}"))
        assert stream.getvalue() == ""
        stream.may_go_on.set()
    assert stream.getvalue().splitlines() == [f"line {number}" for number in range(1000)]


def test_lines_that_wait_are_written_together_in_pieces_that_a_pipe_takes_whole() -> None:
    stream = SlowStream()
    with writing(stream) as handler:
        handler.handle(record("first"))
        stream.begun.wait()
        for _ in range(3):
            handler.handle(record("é" * 900))
        handler.handle(record("long" * select.PIPE_BUF))
        handler.handle(record("last"))
        stream.may_go_on.set()
    assert [len(piece.encode()) for piece in stream.pieces] == [6, 2 * 1801, 1801, 4 * select.PIPE_BUF + 1, 5]


def test_before_the_start_and_after_the_end_a_line_is_written_at_once() -> None:
    stream = io.StringIO()
    handler = StderrHandler(stream)
    handler.handle(record("before"))
    assert stream.getvalue() == "before\n"
    handler.start()
    handler.handle(record("meanwhile"))
    handler.stop()
    assert stream.getvalue() == "before\nmeanwhile\n"
    handler.handle(record("after"))
    handler.close()
    assert stream.getvalue() == "before\nmeanwhile\nafter\n"


def test_lines_beyond_the_limit_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_WAITING", 3)
    stream = SlowStream()
    with writing(stream) as handler:
        handler.handle(record("0"))
        stream.begun.wait()
        for number in range(1, 8):
            handler.handle(record(str(number)))
        stream.may_go_on.set()
    assert stream.getvalue().splitlines() == [
        "0", "1", "2", "3", "4 lines were dropped because stderr was too slow",
    ]  # fmt: skip


def test_a_line_that_cannot_be_made_harms_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    with writing(stream) as handler:
        handler.handle(record("a"))
        handler.handle(logging.LogRecord("x", logging.INFO, "x.py", 1, "%d", ("no number",), None))
    assert stream.getvalue() == "a\n"
    assert "Logging error" in capsys.readouterr().err


def test_a_line_that_cannot_be_written_fails_no_request(capsys: pytest.CaptureFixture[str]) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            del text
            raise OSError(errno.ENOSPC, "no space")

    handler = StderrHandler(Full())
    handler.handle(record("a"))
    handler.start()
    handler.handle(record("b", logging.ERROR))
    handler.stop()
    assert capsys.readouterr().err.count("OSError: [Errno 28] no space") == 2


def test_an_error_s_traceback_is_in_its_line() -> None:
    stream = io.StringIO()
    with writing(stream) as handler:
        handler.setFormatter(JsonFormatter())
        try:
            raise ValueError("broken")
        except ValueError as error:
            handler.handle(
                logging.LogRecord("x", logging.ERROR, "x.py", 1, "m", None, (ValueError, error, error.__traceback__))
            )
    line = json.loads(stream.getvalue())
    assert (line["level"], line["message"]) == ("error", "m")
    assert line["traceback"].endswith("ValueError: broken")


def logged(server: Server) -> list[str]:
    """The ids of the requests in the log; every line of it is whole."""
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    return [line["request_id"] for line in lines if line["logger"] == "facets_svc.requests"]


def test_a_server_that_stops_has_logged_every_answer(tmp_path: Path) -> None:
    server = start(tmp_path, FACETS_WORKERS="2")
    answered: list[str] = []
    is_over = threading.Event()

    def ask(client: int) -> None:
        number = 0
        while not is_over.is_set():
            name = f"{client}-{number}"
            try:
                status = server.ask(FACETS, ACME, f"X-Request-Id: {name}")[0]
            except OSError:  # it has stopped
                return
            assert status == 200
            answered.append(name)
            number += 1

    clients = [threading.Thread(target=ask, args=(client,)) for client in range(4)]
    for client in clients:
        client.start()
    while len(answered) < 200:  # the test's timeout ends it
        time.sleep(0.01)
    assert server.stop()[0] == 0
    is_over.set()
    for client in clients:
        client.join()
    found = logged(server)
    assert len(set(found)) == len(found)
    assert set(answered) - set(found) == set()


def test_a_worker_that_dies_takes_no_line_along_that_had_its_turn(tmp_path: Path) -> None:
    server = start(tmp_path)
    try:
        names = [f"r-{number}" for number in range(50)]
        for name in names:
            assert server.ask(FACETS, ACME, f"X-Request-Id: {name}")[0] == 200
        while names[-1] not in server.log.read_text():  # the test's timeout ends it
            time.sleep(0.01)
        [worker] = server.workers()
        os.kill(worker, signal.SIGKILL)
        while server.workers() in ([], [worker]):
            time.sleep(0.01)
        assert [name for name in logged(server) if name.startswith("r-")] == names
    finally:
        server.await_answer()  # a worker that is still starting misses the signal to stop, and is waited for
        server.stop()
