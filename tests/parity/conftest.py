"""The sample, the catalogue of real models and a crowded one, published once a session."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.parity.published import Published, published, published_from
from tests.strategies import crowded_catalogue


@pytest.fixture(scope="session")
def sample(sample_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    lines = sample_path.read_bytes().splitlines()
    with published_from(sample_path, lines, tmp_path_factory.mktemp("sample")) as it:
        yield it


@pytest.fixture(scope="session")
def real(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    path = shared / "data" / "real_models.parquet"
    with published_from(path, pq.ParquetFile(path).read().to_pylist(), tmp_path_factory.mktemp("real")) as it:
        yield it


@pytest.fixture(scope="session")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    chance = random.Random(8)  # noqa: S311 - seeded on purpose
    with published(crowded_catalogue(chance), tmp_path_factory.mktemp("crowded")) as it:
        yield it
