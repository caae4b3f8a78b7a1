"""The service over a lake in a bucket that goes away and comes back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from facets_svc.lake import BucketLake, Snapshot
from facets_svc.lake.objects import Objects
from facets_svc.settings import Settings
from facets_svc.web.app import create_app_with_settings
from tests.bucket.proxy import Proxy
from tests.bucket.seaweed import Seaweed
from tests.catalogues import model, sync, write_catalogue
from tests.web.client import FACETS, RELOAD, SECRET, token


class Published:
    """Publishes catalogues straight into the bucket; what is served goes through the proxy."""

    def __init__(self, location: str, folder: Path) -> None:
        self.folder = folder
        self.lake = BucketLake(Objects(location), folder / "job-cache")

    def publish(self, *tags: str) -> str:
        rows = [model(number, tags=[tag]) for number, tag in enumerate(tags)]
        return sync(write_catalogue(self.folder / "catalogue.jsonl", rows), self.lake).snapshot_id


@pytest.fixture
def published(location: str, seaweed: Seaweed, tmp_path: Path) -> Published:  # noqa: ARG001 - before the proxy
    return Published(location, tmp_path)


@contextmanager
def serving(published: Published) -> Iterator[TestClient[Any]]:
    settings = Settings(
        lake=published.lake.location, cache=str(published.folder / "cache"), jwt_secret=SECRET, poll_seconds=3600
    )
    with TestClient(create_app_with_settings(settings)) as client:
        client.headers["Authorization"] = f"Bearer {token(orgs='*')}"
        yield client


def reload(client: TestClient[Any]) -> int:
    return client.post(RELOAD).status_code


def answered(client: TestClient[Any]) -> tuple[str, list[str]]:
    response = client.get(FACETS)
    assert response.status_code == 200, response.text
    return response.headers["X-Snapshot-Id"], response.json()["tags"]


def copies(published: Published) -> list[str]:
    return sorted(path.name for path in published.folder.glob("cache/*/snapshots/*"))


def test_it_serves_what_is_published_and_keeps_the_index_of_two_snapshots(published: Published) -> None:
    first = published.publish("a")
    with serving(published) as client:
        assert answered(client) == (first, ["a"])
        second = published.publish("b")
        assert reload(client) == 200
        assert answered(client) == (second, ["b"])
        third = published.publish("c")
        assert reload(client) == 200
        assert answered(client) == (third, ["c"])
    assert copies(published) == [second, third]
    kept = {path.name for path in published.folder.glob(f"cache/*/snapshots/{third}/index/*")}
    assert kept == {Path(entry.path).name for entry in published.lake.snapshot(third).entries("index/")}


def as_of(client: TestClient[Any], snapshot_id: str) -> tuple[int, list[str]]:
    response = client.get(f"{FACETS}?as_of={snapshot_id}")
    return response.status_code, response.json().get("tags", [])


def test_earlier_snapshots_are_copied_when_they_are_asked_for_and_the_current_one_stays(
    published: Published, proxy: Proxy
) -> None:
    first, second, third = (published.publish(tag) for tag in "abc")
    with serving(published) as client:
        assert answered(client) == (third, ["c"])
        assert copies(published) == [third]
        found = client.get("/api/v1/org/acme/snapshots").json()["snapshots"]
        assert [(one["id"], one["models"]) for one in found] == [(third, 1), (second, 1), (first, 1)]
        assert copies(published) == [third], "to count models, files are copied for as long as that takes"
        assert [as_of(client, one) for one in (first, second, first)] == [(200, [tag]) for tag in "aba"]
        assert third in copies(published)
        proxy.mode = "refuse"
        assert as_of(client, second) == (200, ["b"]), "it is kept"
        assert answered(client) == (third, ["c"])
    with serving(published) as client:
        assert answered(client) == (third, ["c"])
        assert as_of(client, first)[0] == 502
    proxy.mode = "pass"


@pytest.mark.parametrize("mode", ["refuse", "stall"])
def test_while_the_bucket_is_away_it_keeps_serving_and_then_takes_up_the_next(
    published: Published, proxy: Proxy, mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facets_svc.lake.objects.SMALL_SECONDS", 0.3)
    first = published.publish("a")
    with serving(published) as client:
        assert answered(client) == (first, ["a"])
        proxy.mode = mode
        second = published.publish("b")
        assert reload(client) == 502
        assert client.get("/health/ready").status_code == 200
        assert answered(client) == (first, ["a"])
        proxy.mode = "pass"
        assert reload(client) == 200
        assert answered(client) == (second, ["b"])


def test_an_index_that_is_cut_half_way_is_fetched_when_the_bucket_is_back(published: Published, proxy: Proxy) -> None:
    first = published.publish("a")
    with serving(published) as client:
        assert answered(client) == (first, ["a"])
        second = published.publish(*(f"tag-{number}" for number in range(300)))
        proxy.cut_after("down", 8_000)
        assert reload(client) == 502
        assert answered(client) == (first, ["a"])
        proxy.cut_after("down", None)
        assert reload(client) == 200
        assert answered(client)[0] == second


def test_without_a_snapshot_it_is_not_ready_until_the_bucket_is_there(published: Published, proxy: Proxy) -> None:
    published.publish("a")
    proxy.mode = "refuse"
    with serving(published) as client:
        assert client.get("/health/ready").status_code != 200
        assert client.get(FACETS).status_code == 502
        proxy.mode = "pass"
        assert reload(client) == 200
        assert answered(client)[1] == ["a"]


def test_a_start_without_the_bucket_serves_what_was_last_current(published: Published, proxy: Proxy) -> None:
    published.publish("old")
    current = published.publish("new")
    with serving(published) as client:
        assert answered(client) == (current, ["new"])
    proxy.mode = "refuse"
    with serving(published) as client:
        assert answered(client) == (current, ["new"])
        proxy.mode = "pass"
        later = published.publish("newer")
        assert reload(client) == 200
        assert answered(client) == (later, ["newer"])


@pytest.mark.parametrize("noted", ["2001-01-01T00:00:00+00:00", "2101-01-01T00:00:00+00:00", "yesterday"])
def test_what_was_current_too_long_ago_is_not_served(published: Published, proxy: Proxy, noted: str) -> None:
    current = published.publish("a")
    with serving(published) as client:
        assert reload(client) == 200
    [note] = published.folder.glob("cache/*/CURRENT")
    note.write_text(f"{current}\n{noted}\n")
    proxy.mode = "refuse"
    with serving(published) as client:
        assert client.get(FACETS).status_code == 502


def spoiled(snapshot: Snapshot, published: Published) -> Path:
    [path] = published.folder.glob(f"cache/*/snapshots/{snapshot.id}/index/index.duckdb")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path


def test_a_spoiled_copy_is_fetched_again(published: Published, proxy: Proxy) -> None:
    current = published.publish("a")
    with serving(published) as client:
        assert reload(client) == 200
    spoiled(published.lake.snapshot(), published)
    with serving(published) as client:
        assert answered(client) == (current, ["a"])
    path = spoiled(published.lake.snapshot(), published)
    proxy.mode = "refuse"
    with serving(published) as client:
        assert client.get(FACETS).status_code == 502
    assert not path.exists()


def test_a_rollback_is_taken_up_from_the_copies(published: Published) -> None:
    first, second = published.publish("a"), published.publish("b")
    with serving(published) as client:
        assert answered(client) == (second, ["b"])
        with published.lake.writing() as writer:
            writer.put_back(first, why="a test")
        assert reload(client) == 200
        assert answered(client) == (first, ["a"])
        third = published.publish("c")
        assert reload(client) == 200
        assert answered(client) == (third, ["c"])


def test_a_torn_index_in_the_bucket_is_not_taken_up(published: Published) -> None:
    first = published.publish("a")
    with serving(published) as client:
        second = published.publish("b")
        key = f"snapshots/{second}/index/index.duckdb"
        found = published.lake.objects.get(key)
        assert found is not None
        published.lake.objects.put(key, found[0][:-9])
        assert reload(client) == 502
        assert answered(client) == (first, ["a"])


def test_a_cache_that_is_removed_meanwhile_is_made_again(published: Published) -> None:
    published.publish("a")
    with serving(published) as client:
        shutil.rmtree(published.folder / "cache")
        second = published.publish("b")
        assert reload(client) == 200
        assert answered(client) == (second, ["b"])
