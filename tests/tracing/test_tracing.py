from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from facets_svc import __version__, tracing
from facets_svc.errors import SettingsError
from facets_svc.settings import Settings
from facets_svc.web.app import create_app_with_settings
from tests.cli.conftest import Run, catalogue, run
from tests.cli.test_sync import LENIENT
from tests.tracing.receiver import Receiver, attributes
from tests.web.client import FACETS, SECRET, token

__all__ = ["catalogue", "run"]

ROOT = Path(__file__).resolve().parents[2]
ROUTE = "/api/v1/org/{org}/models/facets"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with Receiver() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.address)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield running
        tracing.stop()


def ask(lake: Path, *requests: tuple[str, dict[str, str]], tracing: bool = True) -> list[int]:
    settings = Settings(lake=str(lake), jwt_secret=SECRET, poll_seconds=3600, tracing=tracing)
    with TestClient(create_app_with_settings(settings)) as client:
        bearer = {"Authorization": f"Bearer {token('acme', sub='canary-subject')}"}
        return [client.get(path, headers=bearer | headers).status_code for path, headers in requests]


def test_a_request_is_a_span_of_its_caller_s_trace_with_children_for_its_stations(
    run: Run, catalogue: Path, tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    run("sync", "--source", catalogue, "--lake", tmp_path / "lake", *LENIENT)
    asked = (FACETS + "?tags=x", {"traceparent": f"00-{TRACE}-{PARENT}-01"})
    assert ask(tmp_path / "lake", asked, asked, ("/canary/nowhere", {}), (FACETS + "?limit_=%zz", {})) == [
        200, 200, 404, 400,
    ]  # fmt: skip

    computed, cached = receiver.named(f"GET {ROUTE}")[:2]
    assert computed.trace_id.hex() == cached.trace_id.hex() == TRACE
    assert computed.parent_span_id.hex() == cached.parent_span_id.hex() == PARENT
    assert attributes(computed) == {
        "http.request.method": "GET",
        "http.route": ROUTE,
        "http.response.status_code": 200,
    }
    children = receiver.children(computed)
    assert set(children) == {"queue", "engine", "encode"}
    assert receiver.children(cached) == {}
    ran = attributes(children["engine"])
    assert ran["db.system.name"] == "duckdb"
    names = ran["db.operation.name"].split(", ")
    assert names
    assert all((ROOT / "sql" / f"{name}.sql").is_file() for name in names)
    assert computed.start_time_unix_nano <= children["queue"].start_time_unix_nano + 1_000_000
    for earlier, later in (("queue", "engine"), ("engine", "encode")):
        assert children[earlier].end_time_unix_nano == children[later].start_time_unix_nano
    assert children["encode"].end_time_unix_nano <= computed.end_time_unix_nano + 1_000_000
    [lost] = receiver.named("GET other")
    assert lost.trace_id.hex() != TRACE
    assert receiver.resources[0]["service.name"] == "facets-svc"
    assert receiver.resources[0]["service.version"] == __version__
    lines = [record.__dict__["fields"] for record in caplog.records if record.name == "facets_svc.requests"]
    assert [line["trace_id"] for line in lines] == [TRACE, TRACE, lost.trace_id.hex(), lines[3]["trace_id"]]
    everything = "".join(map(str, receiver.spans))
    for secret in ("acme", "canary", "tags"):
        assert secret not in everything


def test_each_stage_of_the_job_is_a_child_of_the_sync_and_an_error_is_told(
    run: Run, catalogue: Path, tmp_path: Path, receiver: Receiver
) -> None:
    command = ("sync", "--source", catalogue, "--lake", tmp_path / "lake")
    assert run(*command, *LENIENT, FACETS_TRACING="1").exit_code == 0
    [synced] = receiver.named("sync")
    stages = receiver.children(synced)
    assert {"read and clean", "verify", "check", "publish"} <= set(stages)
    assert {span.trace_id for span in receiver.spans} == {synced.trace_id}
    receiver.spans.clear()
    assert run(*command, FACETS_TRACING="1").exit_code == 4
    [refused] = receiver.named("sync")
    assert refused.status.code == 2


def test_the_statements_that_a_thread_runs_in_a_block_are_named_once_each(receiver: Receiver) -> None:
    del receiver
    with tracing.statements() as names:
        tracing.statement_ran("before it starts")
    assert tuple(names) == ()
    tracing.start()
    tracing.statement_ran("outside of a block")
    with tracing.statements() as names:
        for name in ("facets/scope", "facets/counts", "facets/scope"):
            tracing.statement_ran(name)
    tracing.statement_ran("after the block")
    assert tuple(names) == ("facets/scope", "facets/counts")


def test_without_the_setting_nothing_of_it_is_imported_and_nothing_sent(
    run: Run, catalogue: Path, tmp_path: Path, receiver: Receiver
) -> None:
    run("sync", "--source", catalogue, "--lake", tmp_path / "lake", *LENIENT)
    assert ask(tmp_path / "lake", (FACETS, {}), tracing=False) == [200]
    assert receiver.spans == []
    done = subprocess.run(
        [sys.executable, "-c", "import facets_svc.cli, sys; print([m for m in sys.modules if 'opentelemetry' in m])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_without_the_extra_the_setting_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    blocked: dict[str, Any] = {"opentelemetry.sdk.trace": None, "opentelemetry.exporter.otlp.proto.http": None}
    for name, module in blocked.items():
        monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(SettingsError, match=r"FACETS_TRACING needs the extra `otel`: pip install"):
        tracing.start()


def test_a_collector_that_is_away_fails_no_request(
    run: Run, catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    run("sync", "--source", catalogue, "--lake", tmp_path / "lake", *LENIENT)
    assert ask(tmp_path / "lake", (FACETS, {})) == [200]
