"""The real server with two workers: one scrape has what both counted, also after one has died."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facets_svc.errors import SettingsError
from facets_svc.web.metrics import shared_directory
from tests.metrics.reading import Samples, samples, value
from tests.web.client import FACETS
from tests.web.live import ACME, start

ROUTE = "/api/v1/org/{org}/models/facets"
REQUESTS = {"name": "facets_http_requests_total", "route": ROUTE, "method": "GET", "status": "200"}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def scraped(port: int, token: str | None = None) -> tuple[int, Samples]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/metrics", headers={} if token is None else {"Authorization": f"Bearer {token}"})
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, samples(body) if response.status == 200 else {}


def eventually(scrape: Callable[[], Samples], holds: Callable[[Samples], bool]) -> Samples:
    while not holds(found := scrape()):  # the test's timeout ends it
        time.sleep(0.05)
    return found


def test_a_scrape_has_what_all_workers_counted_and_a_death_takes_nothing_back(tmp_path: Path) -> None:
    port, directory = free_port(), tmp_path / "metrics"
    directory.mkdir()
    (directory / "counter_1.db").write_bytes(b"of a server that is gone")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    try:
        server = start(tmp_path, FACETS_WORKERS="2", FACETS_METRICS_PORT=str(port))
    finally:
        del os.environ["PROMETHEUS_MULTIPROC_DIR"]

    def scrape() -> Samples:
        return scraped(port)[1]

    def asked(found: Samples) -> float:
        return value(found, **REQUESTS)

    try:
        assert not (directory / "counter_1.db").exists()
        for _ in range(40):
            assert server.ask(FACETS, ACME)[0] == 200
        found = eventually(scrape, lambda found: asked(found) == 40)
        assert value(found, "facets_workers") == 2
        assert value(found, "process_resident_memory_bytes") > 2 * 20e6
        assert value(found, "facets_memory_limit_bytes") > 0
        assert value(found, "facets_snapshot_swaps_total", result="success") == 2
        assert value(found, "facets_snapshot_age_seconds") > 0

        died, _ = server.workers()
        os.kill(died, signal.SIGKILL)
        after = eventually(scrape, lambda found: value(found, "facets_snapshot_swaps_total", result="success") == 3)
        assert asked(after) == 40
        eventually(scrape, lambda found: value(found, "facets_workers") == 2)
        assert not list(directory.glob(f"gauge_live*_{died}.db"))
        assert list(directory.glob(f"counter_{died}.db"))
        assert server.ask("/metrics", ACME)[0] == 404
    finally:
        server.stop()


def test_the_port_of_its_own_asks_for_the_token_and_has_nothing_else(tmp_path: Path) -> None:
    port, token = free_port(), "a-token-of-prometheus"
    server = start(tmp_path, FACETS_METRICS_PORT=str(port), FACETS_METRICS_TOKEN=token)
    try:
        assert [scraped(port, given)[0] for given in (None, "another-token-than-it", token)] == [401, 401, 200]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", FACETS)
        assert connection.getresponse().status == 404
        connection.close()
    finally:
        server.stop()


def test_the_folder_of_the_metrics_goes_with_the_server(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    os.environ["TMPDIR"] = str(tmp_path / "tmp")
    try:
        server = start(tmp_path)
    finally:
        del os.environ["TMPDIR"]
    status, _, body = server.ask("/metrics")
    assert status == 200
    assert value(samples(body.decode()), "facets_workers") == 1
    assert len(list((tmp_path / "tmp").glob("facets-svc-metrics-*"))) == 1
    assert server.stop()[0] == 0
    assert not list((tmp_path / "tmp").glob("facets-svc-metrics-*"))


def test_a_port_that_is_taken_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(AssertionError):
            start(tmp_path, FACETS_METRICS_PORT=str(taken.getsockname()[1]))
    assert "FACETS_METRICS_PORT: cannot listen on 127.0.0.1 port" in (tmp_path / "log").read_text()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "file" / "below"))
    with pytest.raises(SettingsError, match=r"PROMETHEUS_MULTIPROC_DIR: .* cannot be written"), shared_directory():
        pass
