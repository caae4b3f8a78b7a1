"""A cluster of two workers: it answers as one process does, also when a worker is killed in the middle of a query."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.testing import TestClient
from litestar.types import ASGIApp

from facets_svc.settings import Settings
from facets_svc.web.app import create_app_with_settings
from tests.parity.published import Published
from tests.parity.test_engine import assert_parity
from tests.parity.test_http import SECRET, asked
from tests.parity.test_http import serving as on_duckdb
from tests.spark.conftest import on_spark
from tests.spark.servers import ApacheSpark, SparkServer, await_work

ASKED = [
    f"/api/v1/org/timm/models/facets?include_public=true&counts=true&{filters}"
    for filters in (
        "license=mit",
        "search=net",
        "framework=timm&tags=image-classification",
        "task_categories=fill-mask",
    )
]
ERRORS = {502: "bad_gateway_error", 504: "gateway_timeout_error"}


@pytest.fixture(scope="module")
def workers(kind: type[SparkServer], tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkServer]:
    server = kind.cluster(tmp_path_factory.mktemp("workers"))
    server.start()
    yield server
    server.kill()


def test_several_workers_answer_as_the_oracle_answers(crowded: Published, workers: SparkServer) -> None:
    assert_parity(on_spark(crowded, workers), seed=37, count=12)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ApacheSpark]:
    """Apache Spark, whose executors are processes. Sail's workers are threads: no test can kill one of them."""
    if reason := ApacheSpark.missing():
        pytest.skip(reason)
    server = ApacheSpark.cluster(tmp_path / "server")
    server.start()
    yield server
    server.kill()


@contextmanager
def serving(it: Published, cluster: ApacheSpark, deadline_ms: int) -> Iterator[TestClient[ASGIApp]]:
    settings = Settings(
        lake=str(it.lake), engine=cluster.endpoint, jwt_secret=SECRET, cache_bytes=0, deadline_ms=deadline_ms
    )
    with TestClient(create_app_with_settings(settings)) as client:
        yield client


@pytest.fixture
def client(sample: Published, cluster: ApacheSpark) -> Iterator[TestClient[ASGIApp]]:
    with serving(sample, cluster, deadline_ms=120_000) as client:
        yield client


@pytest.fixture
def right(sample: Published) -> list[Any]:
    """What DuckDB answers to each request."""
    with on_duckdb(sample) as client:
        return [asked(client, "timm", path).json() for path in ASKED]


def await_workers(cluster: ApacheSpark) -> None:
    """Wait until two executors run and the driver knows no others."""
    until = time.monotonic() + 120
    while not (len(cluster.executors()) == 2 and cluster.tasks().keys() == cluster.executors().keys()):
        assert time.monotonic() < until, "the workers did not come back"
        time.sleep(0.2)


def await_task(cluster: ApacheSpark) -> str:
    """Wait until a task runs, and return the id of its executor."""
    until = time.monotonic() + 60
    while True:
        if running := [executor for executor, tasks in cluster.tasks().items() if tasks]:
            return running[0]
        assert time.monotonic() < until, "no task runs"
        time.sleep(0.05)


def right_or_error(response: httpx.Response, right: Any) -> int:
    """Require the whole right answer, or the envelope of an error; return the status."""
    if response.status_code == 200:
        assert response.json() == right
    else:
        assert response.json()["type"] == ERRORS[response.status_code]
    return int(response.status_code)


@pytest.mark.soak
@pytest.mark.parametrize("killed", ["the worker of a task", "every worker"])
def test_a_worker_killed_in_the_middle_of_a_query_makes_no_wrong_answer(
    client: TestClient[ASGIApp], cluster: ApacheSpark, right: list[Any], say: Callable[[str], None], killed: str
) -> None:
    statuses: Counter[int] = Counter()
    with ThreadPoolExecutor(1) as other:
        for path, expected in zip(ASKED, right, strict=True):
            await_workers(cluster)
            executors = cluster.executors()
            for executor in executors.values():
                executor.suspend()
            asking = other.submit(asked, client, "timm", path)
            victim = await_task(cluster)
            assert not asking.done()  # its task cannot end: the executor's clock stands
            for name, executor in executors.items():
                if killed == "every worker" or name == victim:
                    executor.kill()
                else:
                    executor.resume()
            statuses[right_or_error(asking.result(), expected)] += 1
            following = asked(client, "timm", path)
            assert (following.status_code, following.json()) == (200, expected)
    say(f"{ApacheSpark.version()}, {killed} killed in the middle of a query: statuses {dict(statuses)}, next ones 200")


@pytest.mark.soak
def test_workers_killed_under_load_make_no_wrong_answer(
    client: TestClient[ASGIApp], cluster: ApacheSpark, right: list[Any], say: Callable[[str], None]
) -> None:
    over = threading.Event()

    def asks(number: int) -> Counter[int]:
        statuses: Counter[int] = Counter()
        while not over.is_set():
            at = (number + statuses.total()) % len(ASKED)
            statuses[right_or_error(asked(client, "timm", ASKED[at]), right[at])] += 1
        return statuses

    chance = random.Random(51)  # noqa: S311 - seeded on purpose
    with ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(asks, number) for number in range(4)]
        try:
            for _ in range(10):
                await_workers(cluster)
                victim = chance.choice(list(cluster.executors().values()))
                await_work(victim)
                victim.kill()
        finally:
            over.set()
        statuses = sum((each.result() for each in asking), Counter[int]())
    assert statuses[200]
    following = [asked(client, "timm", path) for path in ASKED]
    assert [(each.status_code, each.json()) for each in following] == [(200, expected) for expected in right]
    say(f"{ApacheSpark.version()}, 10 workers killed under load: statuses {dict(statuses)}, next ones 200")


@pytest.mark.soak
def test_workers_that_hang_are_504_at_the_deadline(
    client: TestClient[ASGIApp], sample: Published, cluster: ApacheSpark, right: list[Any]
) -> None:
    with serving(sample, cluster, deadline_ms=3_000) as hurried:
        executors = cluster.executors().values()
        for executor in executors:
            executor.suspend()
        slow = asked(hurried, "timm", ASKED[0])
        for executor in executors:
            executor.resume()
    assert (slow.status_code, slow.json()["type"]) == (504, ERRORS[504])
    after = asked(client, "timm", ASKED[0])
    assert (after.status_code, after.json()) == (200, right[0])
