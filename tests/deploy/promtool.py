"""Debian's `promtool` and `prometheus`, where they are installed."""

from __future__ import annotations

import shutil
import subprocess

import pytest


def program(name: str) -> str:
    """The path of a program; the test is skipped where it is missing."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian's package prometheus; `make test` installs it)")
    return found


def promtool(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the arguments are of our own making
        [program("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False
    )
