"""Clients that generators make of the served document: they are made without a warning, type-check, and work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from facets_svc.settings import Settings
from facets_svc.web.asgi import document
from tests.clients.conftest import Service
from tests.web.client import SECRET

ROOT = Path(__file__).resolve().parents[2]
SOURCES = Path(__file__).parent / "generators"
NODE_MODULES = ROOT / ".cache" / "generators" / "node_modules"

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not NODE_MODULES.is_dir(),
    reason="there is no Node, or not what the generators need: make test installs it with npm",
)

PYTHON_CLIENT = """
import json
import sys

from facets_svc_client import AuthenticatedClient
from facets_svc_client.api.models import get_facet_values, get_model, get_model_facets, get_models
from facets_svc_client.api.sql import ask_sql
from facets_svc_client.models import (
    APIErrorPayload,
    FacetValuesResponse,
    GetModelsSort,
    Model,
    ModelFacetsResponse,
    ModelsResponse,
    SqlResponse,
    SqlStatement,
)

address, member, operator = sys.argv[1:]
client = AuthenticatedClient(base_url=address, token=member)

facets = get_model_facets.sync("google", client=client, license_=["apache-2.0"])
assert isinstance(facets, ModelFacetsResponse)
counted = get_model_facets.sync("google", client=client, counts=True, facet_limit=2, match=["tags:any"])
assert isinstance(counted, ModelFacetsResponse)
assert counted.facets and counted.facets.licenses
values = counted.facets.licenses.values
models = get_models.sync("google", client=client, sort=GetModelsSort.VALUE_1, limit=2)
assert isinstance(models, ModelsResponse)
assert isinstance(models.models[0].id, str)
model = get_model.sync("google", models.models[0].id, client=client)
assert isinstance(model, Model)
asked = SqlStatement.from_dict(
    {"query": "SELECT count(*) AS models FROM models WHERE org = $org", "parameters": {"org": "google"}}
)
sql = ask_sql.sync("google", client=AuthenticatedClient(base_url=address, token=operator), body=asked)
assert isinstance(sql, SqlResponse), sql
forbidden = get_model_facets.sync("facebook", client=client)
assert isinstance(forbidden, APIErrorPayload)
invalid = get_model_facets.sync("google", client=client, facet_limit=0)
assert isinstance(invalid, APIErrorPayload)
assert isinstance(invalid.errors, list)

print(
    json.dumps(
        {
            "total": facets.total,
            "filtered_total": facets.filtered_total,
            "listed": len(values),
            "counted": values[0].count,
            "models": len(models.models),
            "model": model.id == models.models[0].id,
            "sql": sql.rows,
            "forbidden": [int(forbidden.code), str(forbidden.type_)],
            "invalid": [int(invalid.code), [error.loc for error in invalid.errors]],
        }
    )
)
"""

EXPECTED = {
    "total": 13,
    "filtered_total": 6,
    "listed": 2,
    "counted": 6,
    "models": 2,
    "model": True,
    "sql": [[13]],
    "forbidden": [403, "forbidden_error"],
    "invalid": [422, [["query", "facet_limit"]]],
}


def run(*command: str | Path, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - programs of this test
        [str(part) for part in command], cwd=cwd, env=os.environ | environ, capture_output=True, text=True, check=False
    )


def said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def tool(package: str) -> Path:
    return NODE_MODULES / ".bin" / package


@pytest.fixture(scope="module")
def served(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds the document as the service serves it."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_bytes(httpx.get(f"{service.address}/schema/openapi.json", trust_env=False).content)
    return folder


def arguments(service: Service) -> Sequence[str]:
    return service.address, service.token("google"), service.operator_token()


def test_the_python_client_is_generated_without_a_warning_type_checks_and_works(service: Service, served: Path) -> None:
    # what it would format the client with does not matter here
    (served / "config.yaml").write_text("post_hooks: []\npackage_name_override: facets_svc_client\n")
    generated = run(
        Path(sys.executable).parent / "openapi-python-client",
        *(
            "generate",
            "--path",
            "openapi.json",
            "--config",
            "config.yaml",
            "--output-path",
            "python",
            "--fail-on-warning",
        ),
        cwd=served,
    )
    assert "arning" not in said(generated)
    client = served / "python" / "use.py"
    client.write_text(PYTHON_CLIENT)
    (served / "python" / "mypy.ini").write_text("[mypy]\nstrict = true\n")

    said(run(sys.executable, "-m", "mypy", "use.py", "facets_svc_client", cwd=client.parent))
    used = run(sys.executable, "use.py", *arguments(service), cwd=client.parent, PYTHONPATH=".")

    assert json.loads(said(used)) == EXPECTED


@needs_node
def test_the_typescript_client_is_generated_type_checks_and_works(service: Service, served: Path) -> None:
    folder = served / "typescript"
    folder.mkdir()
    (folder / "node_modules").symlink_to(NODE_MODULES)
    for name in ("client.ts", "tsconfig.json", "package.json"):
        shutil.copy(SOURCES / name, folder)
    generated = run(tool("openapi-typescript"), "../openapi.json", "-o", "schema.d.ts", cwd=folder)
    assert "arning" not in said(generated)

    said(run(tool("tsc"), "--project", ".", cwd=folder))
    used = run("node", "client.js", *arguments(service), cwd=folder)

    assert json.loads(said(used)) == EXPECTED


@needs_node
def test_redocly_finds_nothing_wrong(served: Path) -> None:
    linted = run(
        tool("redocly"), "lint", "openapi.json", "--extends", "recommended", "--format", "json", cwd=served, CI="1"
    )
    found: dict[str, Any] = json.loads(linted.stdout)
    assert (found["totals"]["errors"], found["totals"]["warnings"], found["problems"]) == (0, 0, [])


@needs_node
def test_spectral_finds_nothing_wrong(served: Path) -> None:
    ruleset = shutil.copy(SOURCES / "spectral.yaml", served)
    linted = run(tool("spectral"), "lint", "openapi.json", "--ruleset", ruleset, "--format", "json", cwd=served)
    assert json.loads(linted.stdout.partition("No results")[0]) == []


def test_every_operation_has_an_id_a_tag_a_summary_and_a_description() -> None:
    whole = document(Settings(jwt_secret=SECRET))
    operations = [operation for item in whole["paths"].values() for operation in item.values()]
    for operation in operations:
        assert all(operation[name] for name in ("operationId", "tags", "summary", "description")), operation
    assert whole["info"]["title"] == "facets-svc"
    assert {"license", "contact"} <= set(whole["info"])
    assert whole["servers"]


def test_no_array_lacks_its_items() -> None:
    def lacking(node: Any, place: str) -> list[str]:
        if isinstance(node, list):
            return [lack for index, one in enumerate(node) for lack in lacking(one, f"{place}/{index}")]
        if not isinstance(node, dict):
            return []
        own = [place] if node.get("type") == "array" and "items" not in node else []
        return own + [lack for key, value in node.items() for lack in lacking(value, f"{place}/{key}")]

    assert lacking(document(Settings(jwt_secret=SECRET)), "") == []


def test_the_lock_names_no_registry_and_every_file_has_its_hash() -> None:
    packages = json.loads((SOURCES / "package-lock.json").read_text())["packages"]
    assert not [name for name, package in packages.items() if "resolved" in package]
    assert not [name for name, package in packages.items() if name and "integrity" not in package]
