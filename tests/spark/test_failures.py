"""A server that is gone, held, killed or started again: an error that says so, and an answer when it is back."""

from __future__ import annotations

import gc
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from litestar.types import ASGIApp
from pyspark.logger import PySparkLogger

from facets_svc.catalogue import LICENSE
from facets_svc.engine.base import Interrupted, Interruption
from facets_svc.engine.spark import SparkEngine, cluster_location, open_spark_engine
from facets_svc.engine.spark_instance import SparkCursor
from facets_svc.errors import LakeError, Unavailable
from facets_svc.facets.query import FacetQuery
from facets_svc.lake.snapshot import CLUSTER
from facets_svc.settings import Settings
from facets_svc.web.app import create_app_with_settings
from tests.catalogues import model, publish
from tests.parity.published import Published
from tests.parity.test_http import SECRET, asked
from tests.spark.servers import SparkServer

QUERY = FacetQuery.of("timm", include_public=True, limit=9, selected={LICENSE: ["mit"]})
PATH = "/api/v1/org/timm/models/facets?include_public=true&license=mit"

LONG = "SELECT count(*) AS pairs FROM range(1000000000) AS a CROSS JOIN range(1000) AS b WHERE (a.id + b.id) % 7 = 3"


def opened(it: Published, server: SparkServer) -> SparkEngine:
    return open_spark_engine(it.snapshot, endpoint=server.endpoint, location=cluster_location(str(it.lake)))


def kill_at_work(server: SparkServer) -> None:
    server.await_work()
    server.kill()


def stopped(cursor: SparkCursor) -> bool:
    assert cursor.session is not None
    return cursor.session.is_stopped


def waits_until(right: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not right():
        assert time.monotonic() < until, "not within a minute"
        time.sleep(0.1)


def test_a_server_that_is_gone_is_told_and_one_that_is_back_answers(sample: Published, own_server: SparkServer) -> None:
    engine = opened(sample, own_server)
    before = engine.answer(QUERY)
    own_server.kill()
    for _ in range(2):
        with pytest.raises(Unavailable):
            engine.answer(QUERY)
    assert not engine.reachable
    own_server.start()
    assert engine.answer(QUERY) == before
    assert engine.reachable


def test_a_session_that_was_lost_fails_once(sample: Published, own_server: SparkServer) -> None:
    engine = opened(sample, own_server)
    before = engine.answer(QUERY)
    own_server.kill()
    own_server.start()
    with pytest.raises(Unavailable):
        engine.answer(QUERY)
    assert engine.answer(QUERY) == before


def test_a_query_to_a_server_that_answers_nothing_is_interrupted(sample: Published, own_server: SparkServer) -> None:
    engine = opened(sample, own_server)
    before = engine.answer(QUERY)
    own_server.hold()
    interruption = Interruption()
    threading.Timer(0.3, interruption.request).start()
    with pytest.raises(Interrupted):
        engine.answer(QUERY, interruption)
    own_server.go_on()
    assert engine.answer(QUERY) == before


def test_a_server_killed_in_the_middle_of_a_query_is_told(sample: Published, own_server: SparkServer) -> None:
    engine = opened(sample, own_server)
    before = engine.answer(QUERY)
    with ThreadPoolExecutor(1) as other:
        killed = other.submit(kill_at_work, own_server)
        with pytest.raises(Unavailable), engine._instance.cursor(Interruption()) as cursor:
            cursor._execute(LONG, {})
        killed.result()
    own_server.start()
    assert engine.answer(QUERY) == before


def test_every_request_to_a_server_that_is_killed_is_told(sample: Published, own_server: SparkServer) -> None:
    engine = opened(sample, own_server)
    before = engine.answer(QUERY)

    def asks_until_it_fails() -> type[Exception]:
        try:
            while True:
                assert engine.answer(QUERY) == before
        except Unavailable as error:
            return type(error)

    with ThreadPoolExecutor(6) as threads:
        asking = [threads.submit(asks_until_it_fails) for _ in range(6)]
        own_server.await_work()
        own_server.kill()
        assert [asked.result() for asked in asking] == [Unavailable] * 6
    own_server.start()
    assert engine.answer(QUERY) == before


def test_a_statement_that_fails_disturbs_no_other_request(sample: Published, server: SparkServer) -> None:
    instance = opened(sample, server)._instance
    with instance.cursor(Interruption()) as other:
        before = other.rows("facets/frequent_words", {})
        with pytest.raises(Unavailable), instance.cursor(Interruption()) as failing:
            failing.rows("facets/seen", {})  # a table that is not there
        assert failing.session is other.session
        assert other.rows("facets/frequent_words", {}) == before
        with instance.cursor(Interruption()) as following:
            assert following.rows("facets/frequent_words", {}) == before
        assert following.session is not other.session
        assert stopped(other) is False
    assert stopped(other) is True
    assert following.session is instance._session


def test_the_client_writes_no_error_beside_the_log(
    sample: Published, server: SparkServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DataFrameQueryContextLogger", "SQLQueryContextLogger"):
        monkeypatch.setattr(PySparkLogger.getLogger(name), "handlers", [caplog.handler])
    instance = opened(sample, server)._instance
    with pytest.raises(Unavailable), instance.cursor(Interruption()) as failing:
        failing.rows("facets/seen", {})  # a table that is not there
    assert {record.name for record in caplog.records} == {"facets_svc.engine.spark_instance"}


def test_a_query_that_was_interrupted_before_does_not_run(sample: Published, server: SparkServer) -> None:
    interruption = Interruption()
    interruption.request()
    with pytest.raises(Interrupted):
        opened(sample, server).answer(QUERY, interruption)


def test_a_session_that_ended_is_not_remembered(sample: Published, server: SparkServer) -> None:
    instance = opened(sample, server)._instance
    client = weakref.ref(instance._session.client)  # type: ignore[union-attr]
    instance.close()
    gc.collect()
    assert client() is None


def test_answers_are_the_same_from_many_threads(sample: Published, server: SparkServer) -> None:
    engine = opened(sample, server)
    licences = ["mit", "apache-2.0", "openrail", "gpl-3.0"]
    queries = [FacetQuery.of("timm", include_public=True, limit=9, selected={LICENSE: [name]}) for name in licences]
    right = [engine.answer(query) for query in queries]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(engine.answer, queries * 5)) == right * 5


def test_a_server_that_is_not_there_is_named_without_its_token(
    sample: Published, own_server: SparkServer, caplog: pytest.LogCaptureFixture
) -> None:
    own_server.kill()
    endpoint = f"{own_server.endpoint}/;token=hush"
    with pytest.raises(LakeError, match=own_server.endpoint) as raised:
        open_spark_engine(sample.snapshot, endpoint=endpoint, location=cluster_location(str(sample.lake)))
    assert "hush" not in f"{raised.value}{caplog.text}"
    assert own_server.endpoint in caplog.text
    assert "UNAVAILABLE" in caplog.text


def test_a_lake_that_the_cluster_does_not_find_is_told(sample: Published, server: SparkServer, tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="must find the lake"):
        open_spark_engine(sample.snapshot, endpoint=server.endpoint, location=cluster_location(str(tmp_path)))


def test_a_snapshot_without_tables_for_a_cluster_says_what_to_do(server: SparkServer, tmp_path: Path) -> None:
    snapshot = publish([model(1)], tmp_path)
    assert not snapshot.entries(CLUSTER)
    with pytest.raises(LakeError, match="facets-svc sync --cluster"):
        open_spark_engine(snapshot, endpoint=server.endpoint, location=cluster_location(str(tmp_path / "lake")))


@pytest.fixture
def client(sample: Published, own_server: SparkServer) -> Iterator[TestClient[ASGIApp]]:
    settings = Settings(
        lake=str(sample.lake),
        engine=own_server.endpoint,
        jwt_secret=SECRET,
        poll_seconds=0.2,
        cache_bytes=0,
        deadline_ms=20_000,
    )
    with TestClient(create_app_with_settings(settings)) as client:
        yield client


def test_over_http_an_outage_is_502_and_the_service_is_not_ready_until_it_ends(
    client: TestClient[ASGIApp], own_server: SparkServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "facets_svc")
    assert client.get("/health/ready").status_code == 200
    before = asked(client, "timm", PATH)
    assert before.status_code == 200
    own_server.kill()
    gone = asked(client, "timm", PATH)
    assert gone.status_code == 502
    assert gone.json()["type"] == "bad_gateway_error"
    assert client.get("/health/ready").status_code == 502
    own_server.start()
    waits_until(lambda: client.get("/health/ready").status_code == 200)
    again = asked(client, "timm", PATH)
    assert (again.status_code, again.json()) == (200, before.json())


def test_over_http_a_server_that_answers_nothing_is_504(sample: Published, own_server: SparkServer) -> None:
    settings: dict[str, Any] = {"lake": str(sample.lake), "engine": own_server.endpoint, "jwt_secret": SECRET}
    app = create_app_with_settings(Settings(**settings, poll_seconds=3600, cache_bytes=0, deadline_ms=1_000))
    with TestClient(app) as client:
        own_server.hold()
        slow = asked(client, "timm", PATH)
        own_server.go_on()
        assert slow.status_code == 504
        assert slow.json()["type"] == "gateway_timeout_error"
