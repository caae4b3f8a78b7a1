"""The real server over loopback, asked by raw sockets: what in-process tests cannot tell."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.client import FACETS, token
from tests.web.live import ACME, Server, answer, start


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start(tmp_path_factory.mktemp("lake"))
    yield server
    server.stop()


def test_the_server_passes_paths_and_queries_on_as_they_were_sent(server: Server) -> None:
    for target, status in (
        (FACETS, 200),
        (FACETS + "?tags=%00", 422),
        (FACETS + "?tags=%zz", 400),
        (FACETS + "?tags=%ff", 400),
        ("/api/v1/org/a%2Fb/models/facets", 404),
        ("/api/v1/org//models/facets", 404),
        ("/api/v1/org/%ff/models/facets", 400),
        ("/api/v1/org/../models/facets", 422),
        ("/api/v1/org/%2e%2e/models/facets", 422),
        (FACETS + "/", 404),
        (f"http://localhost{FACETS}", 200),
    ):
        assert (target, server.ask(target, ACME)[0]) == (target, status)


def test_head_has_the_length_of_the_body_that_it_does_not_have(server: Server) -> None:
    _, headers, body = server.ask(FACETS, ACME)
    status, head_headers, nothing = server.ask(FACETS, ACME, method="HEAD")
    assert (status, nothing) == (200, b"")
    assert head_headers["content-length"] == headers["content-length"] == str(len(body))


def test_a_304_has_no_body_and_no_length(server: Server) -> None:
    tag = server.ask(FACETS, ACME)[1]["etag"]
    status, headers, body = server.ask(FACETS, ACME, f"If-None-Match: {tag}")
    assert (status, body, headers["etag"]) == (304, b"", tag)
    assert not {"content-type", "content-length", "last-modified"} & set(headers)


def test_two_authorization_headers_are_401(server: Server) -> None:
    assert server.ask(FACETS, ACME, ACME)[0] == 401


def test_426_comes_through_the_server_with_its_upgrade(tmp_path: Path) -> None:
    server = start(tmp_path, FACETS_REQUIRE_TLS="1", FACETS_TRUSTED_PROXIES="127.0.0.1")
    try:
        status, headers, _ = server.ask(FACETS, ACME)
        assert (status, headers["upgrade"]) == (426, "TLS/1.2")
        assert server.ask(FACETS, ACME, "X-Forwarded-Proto: https")[0] == 200
    finally:
        server.stop()


def test_over_long_urls_and_too_many_headers_are_refused_and_others_served(server: Server) -> None:
    assert server.ask(FACETS + "?search=" + "a" * 80_000, ACME)[0] == 414
    assert server.ask(FACETS, ACME, *(f"X-{number}: a" for number in range(5000)))[0] == 431
    assert server.ask(FACETS, "Authorization: Bearer " + "a" * 60_000)[0] == 401
    assert server.ask(FACETS, ACME)[0] == 200


def test_a_body_is_not_read(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(
            f"GET {FACETS} HTTP/1.1\r\nHost: a\r\n{ACME}\r\nContent-Length: 1000000000\r\n\r\n[[[".encode()
        )
        assert answer(connection)[0] == 200


def test_slow_headers_are_cut_off(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost:")
        assert b"200" not in connection.recv(1000)


def test_a_hangup_takes_up_a_new_snapshot_without_a_new_worker(server: Server) -> None:
    before = server.workers()
    (server.lake / "CURRENT").write_text("s2")
    assert server.snapshot() == "s1"

    server.process.send_signal(signal.SIGHUP)
    while server.snapshot() != "s2":
        time.sleep(0.02)

    assert server.workers() == before
    (server.lake / "CURRENT").write_text("s1")
    server.process.send_signal(signal.SIGHUP)
    while server.snapshot() != "s1":
        time.sleep(0.02)


def test_a_client_that_leaves_is_noticed_while_its_query_runs(tmp_path: Path) -> None:
    server = start(tmp_path)
    server.take_up("slow")
    with server.connect() as connection:
        connection.sendall(f"GET {FACETS} HTTP/1.1\r\nHost: a\r\n{ACME}\r\n\r\n".encode())
        time.sleep(0.3)  # it is accepted and runs
    assert server.ask(FACETS, ACME)[0] == 200

    _, log = server.stop()

    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["status"] for line in lines if line.get("route") == "/api/v1/org/{org}/models/facets"] == [499, 200]


def test_a_stop_lets_a_running_request_finish_and_ends_with_0(tmp_path: Path) -> None:
    server = start(tmp_path)
    server.take_up("slow")
    with server.connect() as connection:
        connection.sendall(f"GET {FACETS} HTTP/1.1\r\nHost: a\r\n{ACME}\r\n\r\n".encode())
        time.sleep(0.3)  # it is accepted and runs
        stopped: list[tuple[int, str]] = []
        stopping = threading.Thread(target=lambda: stopped.append(server.stop()))
        stopping.start()
        assert answer(connection)[0] == 200
        stopping.join()

    (code, log), *_ = stopped
    assert code == 0
    assert "Traceback" not in log
    assert token("acme").split(".")[0] not in log


def test_a_worker_that_is_killed_comes_back(tmp_path: Path) -> None:
    server = start(tmp_path)
    try:
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        while True:
            try:
                status = server.ask(FACETS, ACME)[0]
            except OSError:
                time.sleep(0.05)
            else:
                break
        assert status == 200
        assert worker not in server.workers()
    finally:
        server.stop()
