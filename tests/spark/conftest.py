"""Sail once a session, and the catalogues of the parity tests with the tables that it reads."""

from __future__ import annotations

import dataclasses
import importlib.util
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parity.published import Published, published, published_from
from tests.spark.sail import Sail
from tests.strategies import crowded_catalogue

MISSING = [name for name in ("pysail", "pyspark", "grpc") if importlib.util.find_spec(name) is None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if MISSING:
        skip = pytest.mark.skip(reason=f"not installed: {', '.join(MISSING)}")
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def sail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sail]:
    server = Sail(tmp_path_factory.mktemp("sail"))
    server.start()
    yield server
    server.kill()


def on_spark(it: Published, sail: Sail) -> Published:
    """Return a catalogue with the engine over Spark in place of DuckDB's."""
    from facets_svc.engine.spark import cluster_location, open_spark_engine  # noqa: PLC0415 - needs the extra

    engine = open_spark_engine(it.snapshot, endpoint=sail.endpoint, location=cluster_location(str(it.lake)))
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
