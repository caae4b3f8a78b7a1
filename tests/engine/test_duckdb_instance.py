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
from facets_svc.engine.duckdb_instance import DuckdbInstance
from facets_svc.errors import Unavailable
from facets_svc.facets.query import FacetQuery, Range
from facets_svc.lake import Snapshot
from facets_svc.lake.snapshot import INDEX
from tests.catalogues import model, publish

ROW_IDS = "facets/ids"
SCOPE = {
    "public_first": 0,
    "public_end": 2,
    "private_first": 2,
    "private_end": 2,
    "now_private_first": 0,
    "now_private_end": 0,
}


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    return publish([model(1, tags=["a"], downloads=1), model(2, downloads=2)], tmp_path)


@pytest.fixture
def instance(snapshot: Snapshot) -> Iterator[DuckdbInstance]:
    instance = DuckdbInstance(snapshot.file(INDEX), snapshot_id="s1", threads=1, memory_limit="256MiB")
    yield instance
    instance.close()


def row_ids(instance: DuckdbInstance) -> list[int]:
    with instance.cursor(Interruption()) as cursor:
        return [rid for _, rid, _ in cursor.rows(ROW_IDS, {})]


def test_a_cursor_serves_the_thread_of_its_request_and_no_other(instance: DuckdbInstance) -> None:
    with instance.cursor(Interruption()) as cursor, ThreadPoolExecutor(1) as pool:
        with pytest.raises(AssertionError, match="used by another thread"):
            pool.submit(cursor.rows, ROW_IDS, {}).result()
        assert len(cursor.rows(ROW_IDS, {})) == 2


def test_a_cursor_is_closed_with_its_request(instance: DuckdbInstance) -> None:
    with instance.cursor(Interruption()) as cursor:
        pass
    with pytest.raises(AssertionError, match="after its request"):
        cursor.rows(ROW_IDS, {})


def test_the_connection_of_a_cursor_is_closed_with_it(instance: DuckdbInstance) -> None:
    with instance.cursor(Interruption()) as cursor:
        cursor.rows(ROW_IDS, {})
        connection = cursor._connection
    with pytest.raises(duckdb.ConnectionException):
        connection.execute("SELECT 1")


def test_a_query_that_was_interrupted_before_it_started_does_not_run(instance: DuckdbInstance) -> None:
    interruption = Interruption()
    interruption.request()
    with pytest.raises(Interrupted), instance.cursor(interruption):
        raise AssertionError("it ran")


def test_a_running_query_is_interrupted_and_the_next_one_runs(instance: DuckdbInstance) -> None:
    interruption = Interruption()
    timer = threading.Timer(0.2, interruption.request)
    timer.start()
    with pytest.raises(Interrupted), instance.cursor(interruption) as cursor:
        cursor._connection.sql("SELECT sum(a.range + b.range) FROM range(1000000) AS a, range(1000000) AS b").fetchall()
    timer.join()
    assert row_ids(instance) == [0, 1]


def test_a_query_that_is_interrupted_between_two_statements_runs_no_other(instance: DuckdbInstance) -> None:
    interruption = Interruption()
    with instance.cursor(interruption) as cursor:
        cursor.rows(ROW_IDS, {})
        interruption.request()
        with pytest.raises(Interrupted):
            cursor.rows(ROW_IDS, {})


@pytest.mark.parametrize("error", [duckdb.FatalException, duckdb.InternalException])
def test_after_a_fatal_error_the_instance_is_rebuilt(
    instance: DuckdbInstance, error: type[duckdb.Error], caplog: pytest.LogCaptureFixture
) -> None:
    before = instance._connection
    with pytest.raises(Unavailable), instance.cursor(Interruption()):
        raise error("the database has been invalidated")
    assert instance._connection is not before
    assert row_ids(instance) == [0, 1]
    assert "DuckDB failed" in caplog.text


def test_an_instance_that_is_dead_is_rebuilt(instance: DuckdbInstance) -> None:
    instance._connection.close()
    with pytest.raises(Unavailable):
        row_ids(instance)
    assert row_ids(instance) == [0, 1]


def test_an_error_that_is_not_fatal_keeps_the_instance(instance: DuckdbInstance) -> None:
    before = instance._connection
    with pytest.raises(Unavailable), instance.cursor(Interruption()) as cursor:
        cursor._connection.sql("SELECT error('no')").fetchall()
    assert instance._connection is before


def test_a_table_beside_the_index_is_there_after_a_rebuild_too(instance: DuckdbInstance) -> None:
    beside = instance.beside({"seen": pa.table({"rid": [1], "now": [7]})})
    for _ in range(2):
        with beside.cursor(Interruption()) as cursor:
            rows = cursor.rows("facets/number", SCOPE | {"now_public_end": 8})
        assert rows == [(1,)]
        beside._connection.close()
        with pytest.raises(Unavailable):
            row_ids(beside)
    beside.close()


def test_an_instance_whose_file_is_gone_answers_again_when_it_is_back(
    instance: DuckdbInstance, snapshot: Snapshot, caplog: pytest.LogCaptureFixture
) -> None:
    path = snapshot.file(INDEX)
    path.rename(path.with_name("elsewhere"))
    instance._connection.close()
    for _ in range(2):
        with pytest.raises(Unavailable):
            row_ids(instance)
    assert "cannot be opened again" in caplog.text
    path.with_name("elsewhere").rename(path)
    with pytest.raises(Unavailable):
        row_ids(instance)
    assert row_ids(instance) == [0, 1]


def test_a_request_cannot_read_files(instance: DuckdbInstance, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n", encoding="utf-8")
    with instance.cursor(Interruption()) as cursor, pytest.raises(duckdb.PermissionException):
        cursor._connection.read_csv(str(tmp_path / "secret.csv")).fetchall()


def test_an_answer_after_a_fatal_error_is_right(snapshot: Snapshot) -> None:
    engine = open_engine(snapshot, threads=1, memory_limit="256MiB")
    query = FacetQuery.of("acme", limit=10, ranges=[Range(DOWNLOADS, 1)])  # bounds are DuckDB's to check
    before = engine.answer(query)
    engine._instance._connection.close()
    with pytest.raises(Unavailable):
        engine.answer(query)
    assert engine.answer(query) == before
    assert before.filtered_total == 2
    engine.close()
