"""The wheel, installed into an empty environment without a network or a checkout, syncs its sample and answers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from facets_svc import __version__
from tests.web.client import SECRET

ROOT = Path(__file__).resolve().parents[2]
WHEELS = ROOT / ".cache" / "wheels"
OFFLINE = Path(__file__).with_name("offline.py")

NO_NETWORK = ["unshare", "--net", "--map-root-user", "--"]


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """Run a command that knows nothing of this checkout, and return what it prints."""
    done = subprocess.run(  # noqa: S603
        command,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), "LANG": "C.UTF-8", **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def isolated() -> list[str | Path]:
    """The start of a command that has a network of its own, in which there is nothing."""
    if subprocess.run([*NO_NETWORK, "true"], capture_output=True, check=False).returncode:  # noqa: S603
        pytest.skip("no network can be left here (unshare --net)")
    return [*NO_NETWORK]


@pytest.fixture
def installed(isolated: list[str | Path], tmp_path: Path) -> Path:
    """The Python of an environment that holds the wheel and what it needs, installed without a network."""
    if not (WHEELS / ".downloaded").exists():
        pytest.skip("the wheels of what the service needs are not there: make .cache/wheels/.downloaded")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=ROOT)
    [wheel] = tmp_path.glob("*.whl")
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    install = ("-m", "pip", "--isolated", "install", "--quiet", "--no-compile", "--disable-pip-version-check")
    run(*isolated, python, "-I", *install, "--no-index", "--find-links", WHEELS, wheel, cwd=tmp_path)
    return python


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copy(OFFLINE, folder)
    return folder


def largest_org(sample: Path) -> tuple[str, int]:
    orgs = Counter(json.loads(line)["org"] for line in sample.read_text(encoding="utf-8").splitlines())
    return orgs.most_common(1)[0]


def packages(python: Path) -> set[tuple[str, str]]:
    """The packages of an environment and their versions, without what `venv` puts into it."""
    listed = json.loads(run(python, "-I", "-m", "pip", "list", "--format", "json", cwd=python.parent))
    named = {(re.sub("[-_.]+", "-", entry["name"]).lower(), entry["version"]) for entry in listed}
    return {(name, version) for name, version in named if name not in {"pip", "setuptools"}}


def locked() -> set[tuple[str, str]]:
    lock = (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", lock, re.MULTILINE))


def test_a_wheel_without_network_or_checkout_syncs_its_sample_and_answers(
    isolated: list[str | Path], installed: Path, elsewhere: Path, sample_path: Path
) -> None:
    org, models = largest_org(sample_path)
    told: dict[str, Any] = json.loads(
        run(*isolated, installed, "-I", elsewhere / "offline.py", org, cwd=elsewhere, FACETS_JWT_SECRET=SECRET)
    )
    body = told.pop("body")
    assert told == {
        "interfaces": ["lo"],
        "package": f"facets-svc {__version__}",
        "environment": ["FACETS_JWT_SECRET"],
        "rows_kept": len(sample_path.read_text(encoding="utf-8").splitlines()),
        "stranger": 401,
        "status": 200,
        "stopped": 0,
    }
    assert (body["total"], body["filtered_total"]) == (models, models)
    assert body["tags"]
    assert packages(installed) <= locked() | {("facets-svc", __version__)}
