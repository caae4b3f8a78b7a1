"""`scripts/need-program` on machines that are not this one, played by small programs in front of the search path."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "need-program"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder of programs that is the whole search path."""
    programs = tmp_path / "bin"
    programs.mkdir()
    add(programs, "sudo", 'exec "$@"')
    add(programs, "id", "echo 1000")
    return programs


def add(programs: Path, name: str, script: str) -> None:
    path = programs / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def need(machine: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        ["/bin/sh", str(SCRIPT), "ltracer", "ltracer-package", "A test"],
        env={"PATH": str(machine)},
        capture_output=True,
        text=True,
        check=True,
    )


def test_a_program_that_is_there_is_all_that_is_needed(machine: Path) -> None:
    add(machine, "ltracer", "exit 1")
    assert need(machine).stderr == ""


def test_a_missing_one_is_installed_and_that_is_said(machine: Path) -> None:
    add(machine, "apt-get", 'echo "apt-get $*" >&2')
    assert need(machine).stderr.splitlines() == [
        "A test needs ltracer: installing Debian's package ltracer-package (apt-get install ltracer-package).",
        "apt-get update -qq",
        "apt-get install -y -qq --no-install-recommends ltracer-package",
    ]


@pytest.mark.parametrize("apt_get", ["exit 100", None])
def test_one_that_cannot_be_installed_is_said_to_be_missing(machine: Path, apt_get: str | None) -> None:
    if apt_get is not None:
        add(machine, "apt-get", apt_get)
    assert need(machine).stderr.splitlines()[-1] == (
        "A test needs ltracer, which is not there and could not be installed: those tests are skipped."
    )
