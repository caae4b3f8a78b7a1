"""A real Prometheus with the configuration and the rules of `deploy/`: it scrapes the service, and alerts fire."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml  # type: ignore[import-untyped]

from tests.catalogues import model, write_catalogue
from tests.cli.conftest import Run, run
from tests.cli.test_sync import LENIENT
from tests.deploy.ports import free_port, get
from tests.deploy.promtool import program
from tests.deploy.test_monitoring import ROOT, RULES, alerts, panels
from tests.faults.serving import Server, served
from tests.web.client import FACETS

__all__ = ["run"]

ONLY_AFTER_A_REFUSAL = {"max without (instance, pod) (facets_svc_sync_last_run_refused)"}
"""Queries of the dashboard without a series while all is well."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    port: int

    def ask(self, target: str) -> Any:
        status, body = get(self.port, target)
        assert status == 200, body
        answer = json.loads(body)
        assert answer["status"] == "success"
        return answer["data"]

    def query(self, expression: str) -> list[Any]:
        found: list[Any] = self.ask(f"/api/v1/query?query={quote(expression)}")["result"]
        return found

    def alerts(self) -> dict[str, str]:
        """The state of each alert that is pending or fires."""
        return {alert["labels"]["alertname"]: alert["state"] for alert in self.ask("/api/v1/alerts")["alerts"]}


def wait_until(holds: Callable[[], bool], seconds: float = 150) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.5)


@contextmanager
def prometheus(folder: Path, scraped: int) -> Iterator[Prometheus]:
    """Run Prometheus over the port of a service's metrics; of the configuration only the addresses are the test's."""
    executable = program("prometheus")
    configuration = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yaml").read_text(encoding="utf-8"))
    configuration["global"] = {"evaluation_interval": "5s"}
    configuration["rule_files"] = [str(RULES)]
    configuration["scrape_configs"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{scraped}"]}]
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump(configuration))
    port = free_port()
    command = [
        executable, f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    log = folder / "prometheus.log"
    with log.open("wb") as lines, subprocess.Popen(command, stdout=lines, stderr=lines) as process:  # noqa: S603
        try:

            def is_ready() -> bool:
                assert process.poll() is None, log.read_text()
                try:
                    return get(port, "/-/ready")[0] == 200
                except OSError:
                    return False

            wait_until(is_ready, 60)
            yield Prometheus(port)
        finally:
            process.terminate()


def ask_everything(server: Server) -> None:
    """Ask questions of several kinds, one without a token, and SQL."""
    for target in (FACETS, FACETS, FACETS + "?tags=x", "/api/v1/org/acme/models"):
        assert server.get(target)[0] == 200
    assert get(server.port, FACETS)[0] == 401
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    headers = server.headers | {"Content-Type": "application/json"}
    connection.request("POST", "/api/v1/org/acme/sql", json.dumps({"query": "SELECT 1 AS one"}), headers)
    assert connection.getresponse().status == 200
    connection.close()


def with_values(query: str) -> str:
    """A query of the dashboard, for all jobs and instances."""
    return query.replace("$job", ".*").replace("$instance", ".*").replace("$__rate_interval", "1m")


@pytest.mark.soak
def test_prometheus_fills_the_dashboard_and_fires_the_alerts(run: Run, tmp_path: Path) -> None:
    program("prometheus")
    lake, port = tmp_path / "lake", free_port()
    rows = [model(number, is_public=number > 5, tags=["x"]) for number in range(20)]
    command = ("sync", "--lake", lake, "--metrics-in-lake", *LENIENT, "--source")
    for number, published in enumerate((rows[1:], [*rows, rows[0]])):  # the second has a change and a duplicate
        assert run(*command, write_catalogue(tmp_path / f"{number}.jsonl", published)).exit_code == 0

    settings = {"FACETS_WORKERS": "2", "FACETS_METRICS_PORT": str(port), "FACETS_SQL_ENABLED": "true"}
    with served(lake, tmp_path / "log", **settings) as server, prometheus(tmp_path, port) as watching:
        server.wait_for((lake / "CURRENT").read_text().strip())
        queries = {with_values(target["expr"]) for panel in panels() for target in panel["targets"]}
        assert queries >= ONLY_AFTER_A_REFUSAL
        empty = queries

        def dashboard_is_filled() -> bool:
            nonlocal empty
            ask_everything(server)
            empty = {query for query in empty if not watching.query(query)}
            return empty == ONLY_AFTER_A_REFUSAL

        wait_until(dashboard_is_filled)
        [target] = watching.ask("/api/v1/targets")["activeTargets"]
        assert (target["health"], target["lastError"]) == ("up", "")
        [group] = watching.ask("/api/v1/rules")["groups"]
        assert {rule["name"]: rule["health"] for rule in group["rules"]} == {rule["alert"]: "ok" for rule in alerts()}
        assert watching.alerts() == {}

        opened = [row | {"is_public": True} for row in rows]
        assert run(*command, write_catalogue(tmp_path / "opened.jsonl", opened)).exit_code == 4
        (lake / "CURRENT").write_text("no id of a snapshot\n")
        states = {"FacetsMadePublic": "firing", "FacetsSyncRefused": "firing", "FacetsLakeUnreadable": "pending"}
        wait_until(lambda: watching.alerts() == states)
        assert all(map(watching.query, ONLY_AFTER_A_REFUSAL))
        assert server.get(FACETS)[0] == 200
