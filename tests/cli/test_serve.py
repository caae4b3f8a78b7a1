"""The served service, as a process: what it takes to start, and how it stops."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Run

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a secret that is long enough for it"


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def lake(run: Run, catalogue: Path, tmp_path: Path) -> Path:
    """A lake in which acme has a public and a private model, and globex a private one."""
    assert run("sync", "--source", catalogue, "--lake", tmp_path / "lake", "--max-rejects", "25%").exit_code == 0
    return tmp_path / "lake"


@contextmanager
def started(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Run `python -m facets_svc` in a process group of its own, which does not outlive the block."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FACETS_")}
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "facets_svc", *map(str, arguments)],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_the_demo_prints_a_request_that_works_and_stops_cleanly(lake: Path, port: int) -> None:
    with started("serve", "--demo", "--lake", lake, "--port", str(port)) as process:
        assert process.stdout
        said = iter(process.stdout)
        member, operator = [next(line for line in said if line.startswith("curl ")) for _ in range(2)]
        orgs = next(line for line in said if line.startswith("Orgs: "))
        _, _, header, url = shlex.split(member)
        name, _, value = header.partition(": ")
        answer = httpx.get(url, headers={name: value}, trust_env=False)
        stranger = httpx.get(url.replace("acme", "globex"), headers={name: value}, trust_env=False)
        _, _, header, of_operator = shlex.split(operator)
        token_of_operator = header.partition(": ")[2]
        every = {
            org: httpx.get(url.replace("acme", org), headers={name: token_of_operator}, trust_env=False).status_code
            for org in ("acme", "globex")
        }
        os.killpg(process.pid, signal.SIGINT)
        code = process.wait(timeout=30)
        assert process.stderr
        stderr = process.stderr.read()

    assert url == f"http://127.0.0.1:{port}/api/v1/org/acme/models/facets"
    assert answer.status_code == 200
    assert answer.json()["total"] == 2
    assert stranger.status_code == 403
    assert every == {"acme": 200, "globex": 200}
    assert of_operator.startswith(f"http://127.0.0.1:{port}/api/v1/org/")
    assert orgs == "Orgs: acme, globex.\n"
    assert code == 0, stderr
    assert "Traceback" not in stderr
    assert value not in stderr


def test_a_port_in_use_is_reported(run: Run, lake: Path, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        result = run("serve", "--demo", "--lake", lake, "--port", str(port))

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Port {port} of 127.0.0.1 is in use. Choose another with --port (make run PORT=8123).\n"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])  # noqa: S104
def test_the_demo_listens_on_loopback_only(run: Run, lake: Path, host: str) -> None:
    result = run("serve", "--demo", "--lake", lake, "--host", host)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"The demo listens on loopback only, not on {host}.\n"


def test_an_address_of_another_machine_is_reported(run: Run, lake: Path, port: int) -> None:
    result = run("serve", "--lake", lake, "--host", "192.0.2.1", "--port", str(port), FACETS_JWT_SECRET=SECRET)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Cannot listen on 192.0.2.1 port {port}: ")


def test_without_a_key_nothing_is_served(run: Run, lake: Path, port: int) -> None:
    result = run("serve", "--lake", lake, "--port", str(port))

    assert (result.exit_code, result.stdout) == (2, "")
    assert re.search(r"FACETS_JWT_SECRET", result.stderr)
    assert len(result.stderr.splitlines()) == 1


def test_a_level_that_there_is_not_is_reported(run: Run) -> None:
    result = run("serve", FACETS_LOG_LEVEL="loud")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "FACETS_LOG_LEVEL: 'loud' is not one of debug, info, warning, error.\n"


def test_the_demo_of_an_empty_lake_says_how_to_fill_it(run: Run, tmp_path: Path, port: int) -> None:
    result = run("serve", "--demo", "--lake", tmp_path, "--port", str(port))

    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == f"The lake {tmp_path} has no snapshot yet. Run `facets-svc sync`.\n"
