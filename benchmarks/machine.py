"""What a figure depends on: the machine, the versions, the commit."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks.peers.base import LIMIT, OURS
from benchmarks.results import ROOT, Machine

_PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {
    OURS: ("facets-svc", "duckdb"),
    "tantivy": ("tantivy",),
    "ClickHouse": ("chdb-core",),
    "polars": ("polars",),
    "DuckDB, naive": ("duckdb",),
    LIMIT: ("numpy",),
}


def machine() -> Machine:
    """Return the facts of this machine."""
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+) kB", Path("/proc/meminfo").read_text())
    return Machine(
        processor=processor[1].strip() if processor else platform.processor() or "unknown",
        cores=os.cpu_count() or 1,
        memory_gib=round(int(memory[1]) / 2**20, 1) if memory else 0,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        load_before=round(os.getloadavg()[0], 2),
    )


def version_of(engine: str) -> str:
    """Return the versions of the packages that an engine is."""
    if engine == "SQLite":
        return f"SQLite {sqlite3.sqlite_version}"
    return ", ".join(f"{package} {version(package)}" for package in _PACKAGES[engine])


def commit() -> str:
    """Return the commit, with a plus where what is tracked differs from it."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
        return done.stdout.strip()

    dirty = git("status", "--porcelain", "--untracked-files=no", "--", "facets_svc", "sql", "benchmarks")
    return (git("rev-parse", "--short=10", "HEAD") or "unknown") + ("+" if dirty else "")
