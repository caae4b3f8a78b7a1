"""A server that wants TLS and a token: the service shows both to the server, and to nobody else."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from facets_svc.engine.base import Interruption
from facets_svc.engine.spark_instance import SparkInstance
from facets_svc.errors import Unavailable
from tests.parity.published import Published
from tests.spark.guarded import guarded
from tests.spark.servers import SparkServer, free_port
from tests.web.client import SECRET, bearer

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "hush+/hush=="
WRITTEN = "hush%2B%2Fhush%3D%3D"
SCRAPER = "a-token-of-the-scraper"
REQUEST = "/api/v1/org/timm/models/facets?include_public=true&license=mit"


@contextmanager
def serving(it: Published, port: int, log: Path, **environ: str) -> Iterator[httpx.Client]:
    """Run the service in a process of its own, whose output goes to `log`, until the block ends."""
    environ |= {"FACETS_LAKE": str(it.lake), "FACETS_JWT_SECRET": SECRET, "FACETS_DEADLINE_MS": "20000"}
    environ |= {"FACETS_METRICS_TOKEN": SCRAPER, "FACETS_POLL_SECONDS": "0.2", "FACETS_CACHE_BYTES": "0"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("FACETS_", "SPARK_"))}
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "facets_svc", "serve", "--port", str(port)],
            cwd=ROOT,
            env=inherited | environ,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
            yield client
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def waits_for(client: httpx.Client, log: Path, status: int) -> httpx.Response:
    """Wait until the service is ready, or is not, and return what it says."""
    until = time.monotonic() + 60
    while True:
        try:
            ready = client.get("/health/ready")
            if ready.status_code == status:
                return ready
        except httpx.TransportError:
            pass
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.1)


@pytest.mark.parametrize("by_variable", [False, True])
def test_a_token_goes_to_the_server_and_nowhere_else(
    sample: Published, server: SparkServer, tmp_path: Path, *, by_variable: bool
) -> None:
    authority, log = tmp_path / "authority.pem", tmp_path / "log"
    headers = dict([bearer("timm")])
    with guarded(server.endpoint.removeprefix("sc://"), TOKEN, authority) as guard:
        address = f"sc://127.0.0.1:{guard.port}/;use_ssl=true"
        environ = {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(authority)} | (
            {"FACETS_ENGINE": address, "SPARK_CONNECT_AUTHENTICATE_TOKEN": TOKEN}
            if by_variable
            else {"FACETS_ENGINE": f"{address};token={WRITTEN}"}
        )
        with serving(sample, free_port(), log, **environ) as client:
            waits_for(client, log, 200)
            answers = [client.get(REQUEST, headers=headers)]
            assert (answers[0].status_code, guard.refused) == (200, 0)
            guard.token = "another"
            answers.append(client.get(REQUEST, headers=headers))
            assert answers[-1].status_code == 502
            assert guard.refused
            answers += [
                waits_for(client, log, 502),
                client.get("/metrics", headers={"Authorization": f"Bearer {SCRAPER}"}),
            ]
            assert answers[-1].status_code == 200
            guard.token = TOKEN
            waits_for(client, log, 200)
            answers.append(client.get(REQUEST, headers=headers))
            assert answers[-1].json() == answers[0].json()
    said = log.read_text()
    assert f"sc://127.0.0.1:{guard.port} failed" in said
    assert "not accepted" in said
    everything = said + "".join(f"{answer.headers}{answer.text}" for answer in answers)
    assert not re.search("hush", everything)


def test_a_server_that_nobody_vouches_for_is_not_sent_the_token(
    sample: Published, server: SparkServer, tmp_path: Path
) -> None:
    with guarded(server.endpoint.removeprefix("sc://"), TOKEN, tmp_path / "authority.pem") as guard:
        instance = SparkInstance(f"sc://127.0.0.1:{guard.port}/;token={WRITTEN}", {}, snapshot_id=sample.snapshot.id)
        with pytest.raises(Unavailable), instance.cursor(Interruption()) as cursor:
            cursor.rows("facets/frequent_words", {})
        assert not guard.refused


def test_explain_names_neither_the_server_nor_its_token(sample: Published) -> None:
    environ = dict(os.environ) | {"FACETS_LAKE": str(sample.lake), "FACETS_ENGINE": f"sc://host/;token={WRITTEN}"}
    explained = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "facets_svc", "explain", REQUEST],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "facets/counts.sql" in explained.stdout
    assert not re.search(r"hush|sc://", explained.stdout + explained.stderr)
