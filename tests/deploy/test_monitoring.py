"""The alerts and the dashboard: checked by Prometheus' own tool, against the metrics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from facets_svc import metrics
from facets_svc.cli.metrics import Outcome, rendered
from facets_svc.web.metrics import exposition
from tests.cli.conftest import Run, catalogue, run
from tests.cli.test_sync import LENIENT
from tests.deploy.promtool import promtool

__all__ = ["catalogue", "run"]

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus" / "facets-svc.rules.yaml"
UNIT_TESTS = Path(__file__).with_name("rules.test.yaml")
DASHBOARD = ROOT / "deploy" / "grafana" / "facets-svc.json"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

_NAME = re.compile(r"\b(?:facets|process)_[a-z_]+[a-z]\b")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def alerts() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def panels() -> Iterator[dict[str, Any]]:
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        if panel["type"] != "row":
            yield panel


def named(query: str) -> set[str]:
    return set(_NAME.findall(_STRING.sub("", query)))


@pytest.fixture
def known(run: Run, catalogue: Path, tmp_path: Path) -> set[str]:
    """Every name that a query may use: of the service, and of a job that has something to say of everything."""
    path = tmp_path / "facets.prom"
    for _ in range(2):
        assert (
            run("sync", "--source", catalogue, "--lake", tmp_path / "lake", *LENIENT, "--metrics-file", path).exit_code
            == 0
        )
    refused = Outcome()
    refused.guards = ("made_public",)
    text = exposition()[0].decode() + path.read_text() + rendered(refused, 4, 0.0, last_success=None)
    types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    names = {name for name, kind in types.items() if kind != "histogram"}
    for name, kind in types.items():
        if kind == "histogram":
            names |= {f"{name}_{suffix}" for suffix in ("bucket", "sum", "count")}
    return names | {"facets_snapshot_age_seconds"}  # which is there when a snapshot is


def test_the_rules_are_well_formed() -> None:
    checked = promtool("check", "rules", RULES)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_alert_fires_when_it_must_and_is_quiet_when_not() -> None:
    tested = promtool("test", "rules", UNIT_TESTS)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_the_example_of_a_configuration_is_well_formed() -> None:
    checked = promtool("check", "config", "--syntax-only", ROOT / "deploy" / "prometheus" / "prometheus.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_alert_has_unit_tests_both_ways_and_an_entry_in_the_runbook() -> None:
    fires: dict[str, set[bool]] = {}
    for case in yaml.safe_load(UNIT_TESTS.read_text(encoding="utf-8"))["tests"]:
        for tested in case["alert_rule_test"]:
            fires.setdefault(tested["alertname"], set()).add(bool(tested["exp_alerts"]))
    names = [alert["alert"] for alert in alerts()]
    assert fires == {name: {True, False} for name in names}
    for alert in alerts():
        assert alert["annotations"]["runbook"] == f"docs/operations.md#{alert['alert'].lower()}"
        assert alert["labels"]["severity"] in ("info", "warning", "critical")
    assert re.findall(r"^#### (Facets\w+)$", OPERATIONS, re.MULTILINE) == names


def test_each_query_names_metrics_that_there_are(known: set[str]) -> None:
    queries = [alert["expr"] for alert in alerts()]
    queries += [target["expr"] for panel in panels() for target in panel["targets"]]
    queries += [
        variable["query"]["query"]
        for variable in json.loads(DASHBOARD.read_text(encoding="utf-8"))["templating"]["list"]
        if variable["type"] == "query"
    ]
    for query in queries:
        assert named(query), query
        assert named(query) <= known, query


def test_the_dashboard_shows_every_metric_of_the_service() -> None:
    shown = {name for panel in panels() for target in panel["targets"] for name in named(target["expr"])}
    shown = {re.sub(r"_(bucket|sum|count|total)$", "", name) for name in shown}
    there = {family.name for family in metrics.registry().collect()}
    # The age is shown instead of the time.
    assert there - shown == {"facets_snapshot_created_timestamp_seconds"}


def test_the_page_knows_every_metric_of_the_service() -> None:
    there = set(re.findall(r"^# TYPE (\w+) ", exposition()[0].decode(), re.MULTILINE))
    there |= {"facets_snapshot_age_seconds"}
    assert there - set(re.findall(r"`((?:facets|process)_\w+)", OPERATIONS)) == set()


def test_the_panels_have_titles_of_their_own_and_do_not_overlap() -> None:
    shown = list(panels())
    assert len({panel["title"] for panel in shown}) == len(shown)
    taken: set[tuple[int, int]] = set()
    for panel in shown:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells
