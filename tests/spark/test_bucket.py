"""A lake in a bucket: the job writes the tables there, and the cluster reads them from there."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from facets_svc.engine.spark import cluster_location, open_spark_engine
from facets_svc.errors import LakeError
from facets_svc.lake import BucketLake
from facets_svc.lake.snapshot import CLUSTER
from facets_svc.sync.job import run
from facets_svc.sync.sources import open_source
from tests.bucket.conftest import lake, location, objects, seaweed, shared_seaweed
from tests.bucket.seaweed import SECRET_KEY, Seaweed
from tests.catalogues import LENIENT
from tests.parity.published import Published, Silence
from tests.parity.test_engine import assert_parity
from tests.spark.servers import Sail

__all__ = ["lake", "location", "objects", "seaweed", "shared_seaweed"]


@pytest.fixture
def bucket_sail(seaweed: Seaweed, tmp_path: Path) -> Iterator[Sail]:
    """A server that finds the bucket by the usual variables."""
    server = Sail(tmp_path, environment=seaweed.environ() | {"AWS_ALLOW_HTTP": "true"})
    server.start()
    yield server
    server.kill()


def synced(source: Path, lake: BucketLake) -> None:
    run(
        open_source(str(source)),
        lake,
        probe=lambda _: None,
        progress=Silence(),
        guards=LENIENT,
        cluster=True,
    )


@pytest.mark.parametrize("scheme", ["s3", "s3a"])
def test_a_cluster_reads_the_tables_from_the_bucket(
    sample: Published, sample_path: Path, lake: BucketLake, bucket_sail: Sail, scheme: str
) -> None:
    synced(sample_path, lake)
    snapshot = lake.snapshot()
    there = cluster_location(lake.location).replace("s3://", f"{scheme}://")
    engine = open_spark_engine(snapshot, endpoint=bucket_sail.endpoint, location=there)
    assert_parity(dataclasses.replace(sample, snapshot=snapshot, engine=engine), seed=41, count=6)
    assert snapshot.entries(CLUSTER)
    assert not list(Path(os.environ["XDG_CACHE_HOME"]).rglob("cluster/*"))


def test_a_cluster_with_a_wrong_key_is_told_and_no_key_is_shown(
    sample_path: Path,
    lake: BucketLake,
    seaweed: Seaweed,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    synced(sample_path, lake)
    wrong = {"AWS_ALLOW_HTTP": "true", "AWS_SECRET_ACCESS_KEY": "wrong"}
    server = Sail(tmp_path, environment=seaweed.environ() | wrong)
    server.start()
    try:
        with pytest.raises(LakeError, match="cannot read the snapshot") as raised:
            open_spark_engine(lake.snapshot(), endpoint=server.endpoint, location=cluster_location(lake.location))
    finally:
        server.kill()
    assert SECRET_KEY not in f"{raised.value}{caplog.text}"
