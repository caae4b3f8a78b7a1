from __future__ import annotations

import json
import subprocess
import sys

from facets_svc import __version__
from tests.cli.conftest import Run


def test_the_document_is_printed_without_any_setting(run: Run) -> None:
    result = run("openapi")

    assert (result.exit_code, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert document["openapi"].startswith("3.")
    assert "get" in document["paths"]["/api/v1/org/{org}/models/facets"]


def test_the_version_is_reported(run: Run) -> None:
    assert run("--version").stdout == f"facets-svc {__version__}\n"


def test_an_unknown_command_is_a_usage_error(run: Run) -> None:
    result = run("sing")

    assert result.exit_code == 2
    assert "No such command 'sing'" in result.stderr


def test_the_module_is_the_command() -> None:
    result = subprocess.run([sys.executable, "-m", "facets_svc", "token"], capture_output=True, text=True, check=False)

    assert result.returncode == 2
    assert result.stderr.startswith("Usage: facets-svc token [OPTIONS]\n")
