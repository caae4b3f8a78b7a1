"""The sample catalogue, really served, for the clients in docs/clients/; and the browser that runs one of them."""

from __future__ import annotations

import functools
import http.server
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from facets_svc.cli import main
from tests.clients import browser
from tests.faults.serving import Server, served
from tests.web.client import token

REQUESTS_A_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Service:
    """A service that serves the sample, to pages of any origin."""

    address: str
    lake: Path
    server: Server

    def publish(self) -> None:
        """Publish the sample once more, and wait until the new snapshot is current."""
        synced = CliRunner().invoke(main, ["sync", "--source", "sample:", "--lake", str(self.lake)])
        assert synced.exit_code == 0, synced.output
        self.server.wait_for((self.lake / "CURRENT").read_text().strip())

    def token(self, *orgs: str, subject: str = "", ttl_seconds: int = 3600) -> str:
        """A token for these orgs, of a subject of its own: each has its own rate."""
        return token(*orgs, sub=subject or uuid.uuid4().hex, exp=int(time.time()) + ttl_seconds)

    def operator_token(self) -> str:
        """A token for every org, of a subject of its own."""
        return token(sub=uuid.uuid4().hex, exp=int(time.time()) + 3600, orgs="*")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("served")
    lake = folder / "lake"
    synced = CliRunner().invoke(main, ["sync", "--source", "sample:", "--lake", str(lake)])
    assert synced.exit_code == 0, synced.output
    settings = {"FACETS_CORS_ORIGINS": "*", "FACETS_RATE_LIMIT": f"{REQUESTS_A_MINUTE}/minute"}
    with served(lake, folder / "log", **settings) as server:
        server.wait_for((lake / "CURRENT").read_text().strip())
        yield Service(f"http://127.0.0.1:{server.port}", lake, server)


@pytest.fixture(scope="session")
def clients() -> Path:
    """The folder of the clients."""
    return Path(__file__).resolve().parents[2] / "docs" / "clients"


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Browser]:
    if browser.program() is None:
        pytest.skip("there is no Chromium; apt-get install chromium, or make test on Debian, brings it")
    with browser.started(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="session")
def address(clients: Path) -> Iterator[str]:
    """Where the files of the sidebar are served, beside the service."""
    handler = functools.partial(Files, directory=clients / "sidebar")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()
