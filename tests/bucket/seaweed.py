"""A real S3 server, SeaweedFS, on loopback."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import obstore
from obstore.store import S3Store

ACCESS_KEY = "test-access-key"
SECRET_KEY = "test-secret-key"
BUCKET = "lakes"
BINARY = Path(sys.executable).with_name("weed")

_SERVICES = ("master", "volume", "filer", "s3")


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        return [free.getsockname()[1] for free in sockets]


@dataclass
class Seaweed:
    """The server over what is in `folder`; it may be killed and started again."""

    folder: Path
    ports: list[int] = field(default_factory=lambda: free_ports(2 * len(_SERVICES)))
    process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return self.ports[2 * _SERVICES.index("s3")]

    def environ(self, *, port: int | None = None) -> dict[str, str]:
        """The variables with which a client finds the server, or a proxy before it."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}",
            "NO_PROXY": "127.0.0.1",
        }

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        keys = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
        identities = [{"name": "test", "credentials": keys, "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]
        (self.folder / "s3.json").write_text(json.dumps({"identities": identities}))
        ports = [
            option
            for service, port, grpc in zip(_SERVICES, self.ports[::2], self.ports[1::2], strict=True)
            for option in (f"-{service}.port={port}", f"-{service}.port.grpc={grpc}")
        ]
        sockets = [f"-{service}.localSocket={self.folder / service}.sock" for service in ("filer", "s3")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - the arguments are of our own making
                [
                    str(BINARY),
                    "server",
                    f"-dir={self.folder}",
                    "-ip=127.0.0.1",
                    "-ip.bind=127.0.0.1",
                    "-master.telemetry=false",
                    "-master.volumeSizeLimitMB=64",
                    "-volume.max=20",
                    "-filer",
                    "-s3",
                    f"-s3.config={self.folder / 's3.json'}",
                    "-s3.port.iceberg=0",
                    "-s3.port.lance=0",
                    *ports,
                    *sockets,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._await_health()
        self._make_bucket()

    def _make_bucket(self) -> None:
        """Write an object, which makes its bucket."""
        store = S3Store(
            BUCKET,
            access_key_id=ACCESS_KEY,
            secret_access_key=SECRET_KEY,
            endpoint=f"http://127.0.0.1:{self.port}",
            region="us-east-1",
            client_options={"allow_http": True},
        )
        obstore.put(store, "made", b"")

    def _await_health(self) -> None:
        deadline = time.monotonic() + 60
        while not self._is_healthy():
            assert self.process is not None
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.1)

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
