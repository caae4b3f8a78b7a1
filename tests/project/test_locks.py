from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))

REQUIREMENT = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>[^ ;\\]+)(?: ; [^\\]+)?(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)"
)


def requirements(lock: Path) -> list[str]:
    """Return the requirements of a lock file, each on one line."""
    return lock.read_text(encoding="utf-8").replace("\\\n    ", "").splitlines()


def locked(name: str) -> dict[str, set[str]]:
    """Return the versions of every package that a lock names; two where the Python version decides."""
    versions: dict[str, set[str]] = {}
    for line in requirements(ROOT / "requirements" / f"{name}.txt"):
        match = REQUIREMENT.fullmatch(line)
        assert match, line
        versions.setdefault(match["name"], set()).add(match["version"])
    return versions


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def names_of(dependencies: list[Any]) -> set[str]:
    """Return the packages that a list of dependencies names, as lock files spell them."""
    return {re.split(r"[\[<>=~! ]", text)[0].lower() for text in dependencies if isinstance(text, str)}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_holds_nothing_but_pinned_requirements_with_their_hashes(lock: Path) -> None:
    lines = requirements(lock)

    assert lines
    assert [line for line in lines if not REQUIREMENT.fullmatch(line)] == []


@pytest.mark.parametrize(
    ("lock", "group"), [("build", "build"), ("dev", "dev"), ("lock", "lock"), ("run", None), ("dev", None)]
)
def test_a_lock_holds_every_dependency_of_its_group(lock: str, group: str | None) -> None:
    project = pyproject()
    dependencies = project["dependency-groups"][group] if group else project["project"]["dependencies"]

    assert names_of(dependencies) - set(locked(lock)) == set()


@pytest.mark.parametrize("lock", ["run", "build"])
def test_what_runs_is_what_is_tested(lock: str) -> None:
    tested = locked("dev")

    assert {name: version for name, version in locked(lock).items() if tested.get(name) != version} == {}


def test_the_two_lines_of_duckdb_are_locked() -> None:
    [newer] = locked("run")["duckdb"]
    [older] = locked("duckdb-1.5")["duckdb"]

    assert newer.startswith("2.0.")
    assert older.startswith("1.5.")


def test_apache_spark_of_the_soak_is_of_the_line_of_its_client() -> None:
    [server] = locked("apache-spark")["pyspark"]
    [client] = locked("dev")["pyspark-client"]

    assert server.rpartition(".")[0] == client.rpartition(".")[0]
