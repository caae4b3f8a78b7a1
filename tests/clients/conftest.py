"""The sample catalogue, really served, for the clients in docs/clients/."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from facets_svc.cli import main
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
