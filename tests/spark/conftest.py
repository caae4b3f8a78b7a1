"""The servers that every test of this folder runs on, and the catalogues with the tables that they read."""

from __future__ import annotations

import dataclasses
import importlib.util
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parity.published import Published, published, published_from
from tests.spark.servers import ApacheSpark, Sail, SparkServer
from tests.strategies import crowded_catalogue

MISSING = [name for name in ("pyspark", "grpc") if importlib.util.find_spec(name) is None]

SERVERS = [pytest.param(Sail, id="sail"), pytest.param(ApacheSpark, id="apache-spark", marks=pytest.mark.soak)]
"""Sail in every run; Apache Spark, which takes seconds to start and 500 MB on disk, in the soak."""


ON_SAIL = pytest.mark.parametrize("kind", SERVERS[:1], indirect=True)
"""Marks what asks thousands of questions, which Apache Spark would take an hour for."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if MISSING:
        skip = pytest.mark.skip(reason=f"not installed: {', '.join(MISSING)}")
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(skip)


@pytest.fixture(scope="session", params=SERVERS)
def kind(request: pytest.FixtureRequest) -> type[SparkServer]:
    """The kind of server of a test, which is skipped where that is not installed."""
    chosen: type[SparkServer] = request.param
    if reason := chosen.missing():
        pytest.skip(reason)
    return chosen


@pytest.fixture(scope="session")
def server(kind: type[SparkServer], tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkServer]:
    """A server for all tests that leave it as it is."""
    started = kind(tmp_path_factory.mktemp("server"))
    started.start()
    yield started
    started.kill()


@pytest.fixture
def own_server(kind: type[SparkServer], tmp_path: Path) -> Iterator[SparkServer]:
    """A server for one test, which may kill it."""
    started = kind(tmp_path / "server")
    started.start()
    yield started
    started.kill()


def on_spark(it: Published, server: SparkServer) -> Published:
    """Return a catalogue with the engine over Spark in place of DuckDB's."""
    from facets_svc.engine.spark import cluster_location, open_spark_engine  # noqa: PLC0415 - needs the extra

    engine = open_spark_engine(it.snapshot, endpoint=server.endpoint, location=cluster_location(str(it.lake)))
    return dataclasses.replace(it, engine=engine)


@pytest.fixture(scope="session")
def sample(sample_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    lines = sample_path.read_bytes().splitlines()
    with published_from(sample_path, lines, tmp_path_factory.mktemp("sample"), cluster=True) as it:
        yield it


@pytest.fixture(scope="session")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    chance = random.Random(8)  # noqa: S311 - seeded on purpose
    with published(crowded_catalogue(chance), tmp_path_factory.mktemp("crowded"), cluster=True) as it:
        yield it
