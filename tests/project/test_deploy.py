"""What `deploy/` and its page say is held to the commands, the settings and the routes that there are."""

from __future__ import annotations

import configparser
import dataclasses
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml  # type: ignore[import-untyped]

from facets_svc import __version__
from facets_svc.cli import main
from facets_svc.cli.metrics import Outcome, rendered
from facets_svc.settings import PREFIX, Settings
from facets_svc.sync.report import Report
from tests.project.test_docs import README

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))

HARDENING = {
    "CapabilityBoundingSet": "",
    "NoNewPrivileges": "yes",
    "PrivateTmp": "yes",
    "ProtectHome": "yes",
    "ProtectSystem": "strict",
    "SystemCallFilter": "@system-service",
}


def unit(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


def kubernetes() -> list[dict[str, Any]]:
    documents = []
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        documents += list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    return documents


def containers() -> list[dict[str, Any]]:
    pods = []
    for document in kubernetes():
        spec = document["spec"]
        if document["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "template" in spec:
            pods.append(spec["template"]["spec"])
    return [container for pod in pods for container in pod["containers"]]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield every command of facets-svc that is given somewhere, with where that is."""
    for path in UNITS:
        service = unit(path)["Service"]
        for option in ("ExecStart", "ExecStartPost"):
            for line in service.get(option, "").splitlines():
                program, *arguments = shlex.split(line)
                assert program == "/usr/local/bin/facets-svc"
                yield path.name, arguments
    for container in containers():
        yield container["name"], container["args"]
    for line in cron_lines():
        yield "cron", shlex.split(line.partition("exec facets-svc ")[2].partition(" >>")[0])
    for line in re.findall(r"^facets-svc (.*)$", OPERATIONS, re.MULTILINE):
        yield "operations.md", shlex.split(line)


def cron_lines() -> list[str]:
    text = (DEPLOY / "cron" / "facets-svc").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith(("#", "SHELL=", "PATH="))]


@pytest.mark.parametrize(("where", "arguments"), list(commands()), ids=str)
def test_every_command_is_understood(where: str, arguments: list[str]) -> None:
    assert where
    command: click.Command = main
    context: click.Context | None = None
    while isinstance(command, click.Group):
        name, *arguments = arguments
        context = click.Context(command, parent=context, info_name=name)
        found = command.get_command(context, name)
        assert found is not None, name
        command = found
    command.make_context(command.name, arguments, parent=context)


def test_every_kind_of_deployment_syncs_serves_and_prunes() -> None:
    given: dict[str, set[str]] = {}
    for where, arguments in commands():
        given.setdefault(where, set()).add(" ".join(word for word in arguments[:2] if not word.startswith("-")))
    assert given["facets-svc-sync.service"] == {"sync", "snapshots prune"}
    assert given["facets-svc.service"] == {"serve"}
    assert given["cron"] == {"sync", "snapshots prune"}
    assert (given["sync"], given["serve"], given["prune"]) == ({"sync"}, {"serve"}, {"snapshots prune"})


def test_every_variable_is_a_setting_and_has_a_value_that_reads() -> None:
    known = {PREFIX + field.name.upper() for field in dataclasses.fields(Settings)}
    environs = [dict([unit(path)["Service"]["Environment"].split("=", 1)]) for path in UNITS]
    for path in sorted((DEPLOY / "systemd").glob("*.env.example")):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        environs.append(dict(line.split("=", 1) for line in lines))
    environs += [
        {variable["name"]: variable.get("value", "") for variable in container["env"]} for container in containers()
    ]
    given = {name for environ in environs for name in environ if name.startswith(PREFIX)}
    assert given
    assert given - known == set()
    for environ in environs:
        Settings.from_env(environ)
    documented = set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", OPERATIONS))
    assert documented - known == set()


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_service_keeps_no_privilege_and_no_secret(path: Path) -> None:
    service = unit(path)["Service"]
    found = {name: service.get(name) for name in HARDENING}
    found["SystemCallFilter"] = service["SystemCallFilter"].removesuffix(" @sandbox")  # the service confines its own
    assert found == HARDENING
    assert service["User"] == "facets-svc"
    assert service["EnvironmentFile"].startswith("/etc/facets-svc/")
    assert (DEPLOY / "systemd" / f"{Path(service['EnvironmentFile']).name}.example").is_file()
    assert "PASSWORD" not in "".join(service.values())


def test_the_timer_starts_the_job_every_night_and_catches_up() -> None:
    [path] = (DEPLOY / "systemd").glob("*.timer")
    timer = unit(path)
    assert path.with_suffix(".service") in UNITS
    assert (timer["Timer"]["OnCalendar"], timer["Timer"]["Persistent"]) == ("*-*-* 02:00:00", "true")
    assert timer["Install"]["WantedBy"] == "timers.target"


def test_a_line_of_cron_has_five_fields_a_user_and_a_command_without_percent() -> None:
    for line in cron_lines():
        *fields, user, _ = line.split(None, 6)
        assert all(re.fullmatch(r"[0-9*/,-]+", field) for field in fields)
        assert (len(fields), user) == (5, "facets-svc")
        assert "%" not in line  # cron takes it for the end of the line


@pytest.mark.parametrize(
    "document", kubernetes(), ids=lambda document: f"{document['kind']} {document['metadata']['name']}"
)
def test_manifests_are_valid_by_the_schemas_of_kubernetes(document: dict[str, Any]) -> None:
    if document["apiVersion"].startswith("monitoring.coreos.com/"):
        pytest.skip("the operator's resources are in no schema of Kubernetes")
    for version in ("1.30", "1.35"):
        kubernetes_validate.validate(document, version, strict=True)


SAIL = list(yaml.safe_load_all((DEPLOY / "sail" / "sail.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize("document", SAIL, ids=lambda document: document["kind"])
def test_the_manifest_of_sail_is_valid_by_the_schemas_of_kubernetes(document: dict[str, Any]) -> None:
    for version in ("1.30", "1.35"):
        kubernetes_validate.validate(document, version, strict=True)


def test_only_the_service_reaches_sail() -> None:
    of_kind = {document["kind"]: document for document in SAIL}
    [deployment] = [document for document in kubernetes() if document["kind"] == "Deployment"]
    policy = of_kind["NetworkPolicy"]["spec"]
    callers, workers = policy["ingress"]
    [caller] = callers["from"]
    serving = deployment["spec"]["template"]["metadata"]["labels"]
    sails = of_kind["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert caller["podSelector"]["matchLabels"].items() <= serving.items()
    assert workers["from"] == [{"podSelector": {"matchLabels": sails}}]
    assert policy["podSelector"]["matchLabels"].items() <= sails.items()


def test_prometheus_scrapes_the_port_of_the_metrics() -> None:
    [monitor] = [document for document in kubernetes() if document["kind"] == "PodMonitor"]
    [deployment] = [document for document in kubernetes() if document["kind"] == "Deployment"]
    [serve] = deployment["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: str(port["containerPort"]) for port in serve["ports"]}
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    assert set(monitor["spec"]) == {"selector", "podMetricsEndpoints"}
    assert set(endpoint) == {"port", "path", "interval"}
    assert {"name": "FACETS_METRICS_PORT", "value": ports[endpoint["port"]]} in serve["env"]
    assert endpoint["path"] == "/metrics"
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_pods_are_of_the_image_of_this_version() -> None:
    assert {container["image"] for container in containers()} == {f"facets-svc:{__version__}"}


def test_pods_are_probed_where_the_service_answers() -> None:
    [serve] = [container for container in containers() if container["name"] == "serve"]
    probed = {name: serve[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    assert probed == {
        "startup": "/health/live",
        "readiness": "/health/ready",
        "liveness": "/health/live",
    }
    ports = {port["name"]: port["containerPort"] for port in serve["ports"]}
    assert f"--port={ports['http']}" in serve["args"]


def test_no_probe_that_kills_a_pod_waits_for_a_snapshot() -> None:
    [serve] = [container for container in containers() if container["name"] == "serve"]
    killing = {serve[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness")}
    assert killing == {"/health/live"}


def test_pods_run_as_nobody_in_particular_and_write_where_they_may() -> None:
    for document in kubernetes():
        text = yaml.safe_dump(document)
        if document["kind"] in ("CronJob", "Deployment"):
            assert "runAsNonRoot: true" in text
    for container in containers():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
        cache = next(variable["value"] for variable in container["env"] if variable["name"] == "FACETS_CACHE")
        assert {cache, "/tmp"} == mounted  # noqa: S108 - of the container


def test_a_job_is_not_tried_again_where_a_person_is_needed() -> None:
    [cron] = [document for document in kubernetes() if document["metadata"]["name"] == "facets-svc-sync"]
    job = cron["spec"]["jobTemplate"]["spec"]
    assert job["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"] == [2, 4]
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"
    assert job["template"]["spec"]["restartPolicy"] == "Never"


def test_the_page_knows_every_exit_code_field_of_the_report_and_metric() -> None:
    codes = set(re.findall(r"^\| (\d+) \|", README, re.MULTILINE))
    table = re.findall(r"^\| ((?:\d+(?:, )?)+) \|", OPERATIONS, re.MULTILINE)
    assert codes <= {code for cell in table for code in cell.split(", ")}
    cells = " ".join(re.findall(r"^\| (`.*?) \|", OPERATIONS, re.MULTILINE))
    named = set(re.findall(r"`([a-z_]+)", cells))
    assert set(Report.__struct_fields__) - named == set()
    metrics = set(re.findall(r"# TYPE facets_svc_sync_(\w+)", rendered(Outcome(), 0, 0.0, last_success=None)))
    assert metrics
    assert metrics - named == set()
