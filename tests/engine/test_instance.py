from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from facets_svc.catalogue import DOWNLOADS
from facets_svc.engine.base import Interrupted, Interruption
from facets_svc.engine.duckdb import open_engine
from facets_svc.engine.instance import Instance
from facets_svc.errors import Unavailable
from facets_svc.facets.query import FacetQuery, Range
from facets_svc.lake import Snapshot
from tests.catalogues import model, publish

ROW_IDS = "SELECT unnest(range(2)) AS rid"


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    return publish([model(1, tags=["a"], downloads=1), model(2, downloads=2)], tmp_path)


@pytest.fixture
def instance() -> Iterator[Instance]:
    instance = Instance("s1", threads=1, memory_limit="256MiB")
    yield instance
    instance.close()


def row_ids(instance: Instance) -> list[int]:
    with instance.cursor(Interruption()) as cursor:
        return list(cursor.columns(ROW_IDS, {})["rid"])


def test_a_cursor_serves_the_thread_of_its_request_and_no_other(instance: Instance) -> None:
    with instance.cursor(Interruption()) as cursor, ThreadPoolExecutor(1) as pool:
        with pytest.raises(AssertionError, match="used by another thread"):
            pool.submit(cursor.columns, ROW_IDS, {}).result()
        assert len(cursor.columns(ROW_IDS, {})["rid"])


def test_a_cursor_is_closed_with_its_request(instance: Instance) -> None:
    with instance.cursor(Interruption()) as cursor:
        pass
    with pytest.raises(AssertionError, match="after its request"):
        cursor.columns(ROW_IDS, {})


def test_the_connection_of_a_cursor_is_closed_with_it(instance: Instance) -> None:
    with instance.cursor(Interruption()) as cursor:
        cursor.columns(ROW_IDS, {})
        connection = cursor._connection
    with pytest.raises(duckdb.ConnectionException):
        connection.execute(ROW_IDS)


def test_a_query_that_was_interrupted_before_it_started_does_not_run(instance: Instance) -> None:
    interruption = Interruption()
    interruption.request()
    with pytest.raises(Interrupted), instance.cursor(interruption):
        raise AssertionError("it ran")


def test_a_running_query_is_interrupted_and_the_next_one_runs(instance: Instance) -> None:
    interruption = Interruption()
    timer = threading.Timer(0.2, interruption.request)
    timer.start()
    with pytest.raises(Interrupted), instance.cursor(interruption) as cursor:
        cursor._connection.sql("SELECT sum(a.range + b.range) FROM range(1000000) AS a, range(1000000) AS b").fetchall()
    timer.join()
    assert row_ids(instance) == [0, 1]


def test_a_query_that_is_interrupted_between_two_statements_runs_no_other(instance: Instance) -> None:
    interruption = Interruption()
    with instance.cursor(interruption) as cursor:
        cursor.columns(ROW_IDS, {})
        interruption.request()
        with pytest.raises(Interrupted):
            cursor.columns(ROW_IDS, {})


@pytest.mark.parametrize("error", [duckdb.FatalException, duckdb.InternalException])
def test_after_a_fatal_error_the_instance_is_rebuilt(
    instance: Instance, error: type[duckdb.Error], caplog: pytest.LogCaptureFixture
) -> None:
    before = instance._connection
    with pytest.raises(Unavailable), instance.cursor(Interruption()):
        raise error("the database has been invalidated")
    assert instance._connection is not before
    assert row_ids(instance) == [0, 1]
    assert "DuckDB failed" in caplog.text


def test_an_instance_that_is_dead_is_rebuilt(instance: Instance) -> None:
    instance._connection.close()
    with pytest.raises(Unavailable):
        row_ids(instance)
    assert row_ids(instance) == [0, 1]


def test_an_error_that_is_not_fatal_keeps_the_instance(instance: Instance) -> None:
    before = instance._connection
    with pytest.raises(Unavailable), instance.cursor(Interruption()) as cursor:
        cursor._connection.sql("SELECT error('no')").fetchall()
    assert instance._connection is before


def test_what_a_cursor_sees_no_other_one_does(instance: Instance) -> None:
    shown = pa.table({"rid": [7]})
    with instance.cursor(Interruption()) as one, instance.cursor(Interruption()) as other:
        with one.seeing("shown", shown), other.seeing("shown", shown.slice(0, 0)):
            assert [len(cursor.columns("SELECT rid FROM shown", {})["rid"]) for cursor in (one, other)] == [1, 0]
        for cursor in (one, other):
            with pytest.raises(duckdb.CatalogException):
                cursor.columns("SELECT rid FROM shown", {})


def test_a_request_cannot_read_files(instance: Instance, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n", encoding="utf-8")
    with instance.cursor(Interruption()) as cursor, pytest.raises(duckdb.PermissionException):
        cursor._connection.read_csv(str(tmp_path / "secret.csv")).fetchall()


def test_an_answer_after_a_fatal_error_is_right(snapshot: Snapshot) -> None:
    engine = open_engine(snapshot, threads=1, memory_limit="256MiB")
    query = FacetQuery.of("acme", limit=10, ranges=[Range(DOWNLOADS, 1)])  # bounds are DuckDB's to check
    before = engine.answer(query)
    engine.forget()
    engine._instance._connection.close()
    with pytest.raises(Unavailable):
        engine.answer(query)
    assert engine.answer(query) == before
    assert before.filtered_total == 2
    engine.close()
