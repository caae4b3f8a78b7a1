"""SQL asked of the real server over the sample: what docs/analysts.md shows, and one who leaves."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from facets_svc.cli import main
from tests.conftest import ROOT
from tests.faults.serving import Server, served
from tests.web.client import token

SECTION = re.search(r"^## Over HTTP$.*?(?=^## )", (ROOT / "docs" / "analysts.md").read_text(), re.DOTALL | re.MULTILINE)
ADDRESS = "http://127.0.0.1:8000"
COMMANDS = {"sh": ["sh", "-c"], "python": [sys.executable, "-W", "error", "-c"]}
TOKEN = token("google", exp=int(time.time()) + 86400)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    lake = folder / "lake"
    assert CliRunner().invoke(main, ["sync", "--source", "sample:", "--lake", str(lake)]).exit_code == 0
    settings = {
        "FACETS_SQL_ENABLED": "true",
        "FACETS_SQL_DEADLINE_MS": "60000",
        "FACETS_SQL_PROCESSES": "1",
        "FACETS_SQL_QUEUE": "1",
        "FACETS_CACHE": str(folder / "cache"),
    }
    with served(lake, folder / "log", **settings) as server:
        server.wait_for((lake / "CURRENT").read_text().strip())
        yield server


def blocks(language: str) -> list[tuple[str, str]]:
    """What the document shows to be asked in this language, and what it says comes out."""
    assert SECTION is not None
    return re.findall(rf"```{language}\n((?:(?!```).)*)```\n\n```text\n(.*?)```", SECTION[0], re.DOTALL)


@pytest.mark.parametrize(("language", "command"), COMMANDS.items())
def test_what_the_document_asks_over_http_brings_what_it_shows(
    server: Server, language: str, command: list[str]
) -> None:
    [(text, shown)] = blocks(language)
    done = subprocess.run(  # noqa: S603 - the document's own
        [*command, text.replace(ADDRESS, f"http://127.0.0.1:{server.port}")],
        env={**os.environ, "TOKEN": TOKEN},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.stdout) == ("", shown)


def request(query: str, *, port: int, sent: int | None = None) -> bytes:
    """Return the bytes of a request; `sent` of its body only."""
    body = f'{{"query": "{query}"}}'.encode()
    lines = [
        "POST /api/v1/org/google/sql HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Authorization: Bearer {TOKEN}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body[:sent]


def whole(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def test_who_closes_the_connection_ends_the_query(server: Server) -> None:
    """There is one process, and one place to wait: a request is answered once the others have left."""
    forever = request("SELECT count(*) FROM range(1000000000000) a, range(1000000) b", port=server.port)
    for _ in range(4):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as leaving:
            leaving.sendall(forever)
            time.sleep(0.2)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as staying:
        staying.sendall(request("SELECT 1 AS one", port=server.port))
        assert whole(staying).endswith(b'{"columns":[{"name":"one","type":"INTEGER"}],"rows":[[1]],"truncated":false}')


def test_a_body_in_pieces_is_a_body_and_one_that_ends_early_harms_no_other(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        for byte in request("SELECT 1 AS one", port=server.port):
            connection.sendall(bytes([byte]))
        assert b'"rows":[[1]]' in whole(connection)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(request("SELECT 1 AS one", port=server.port, sent=5))
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(request("SELECT 2 AS two", port=server.port))
        assert b'"rows":[[2]]' in whole(connection)


def fork_servers(server: Server) -> list[int]:
    """The fork servers of a server's workers."""
    workers = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return [
        int(child)
        for worker in workers
        for task in Path(f"/proc/{worker}/task").iterdir()
        for child in (task / "children").read_text().split()
        if "forkserver import main" in Path(f"/proc/{child}/cmdline").read_text()
    ]


def one(server: Server) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(request("SELECT 1 AS one", port=server.port))
        return whole(connection)


def test_the_fork_server_has_nothing_that_a_query_should_not_have(server: Server) -> None:
    """Every query's process is a copy of it."""
    one(server)
    [forked] = fork_servers(server)
    environment = Path(f"/proc/{forked}/environ").read_text()
    assert "FACETS" not in environment
    assert "PATH=" not in environment
    assert len(list(Path(f"/proc/{forked}/task").iterdir())) == 1  # more could not be forked safely
    opened = {str(link.readlink()) for link in Path(f"/proc/{forked}/fd").iterdir()}
    log = str(Path(f"/proc/{server.process.pid}/fd/2").readlink())
    assert {name for name in opened if name.startswith("/")} <= {"/dev/null", log}


def test_the_fork_server_of_a_worker_that_is_killed_goes_with_it(server: Server) -> None:
    one(server)
    [forked] = fork_servers(server)
    [worker] = [line.split()[1] for line in Path(f"/proc/{forked}/status").read_text().splitlines() if "PPid" in line]
    os.kill(int(worker), signal.SIGKILL)
    while Path(f"/proc/{forked}").exists():  # the test's timeout ends it
        time.sleep(0.05)
    answered = b""
    while b'"rows":[[1]]' not in answered:
        with suppress(OSError):
            answered = one(server)
    [another] = fork_servers(server)
    assert another != forked
