"""Syncs the packaged sample and asks the service once, where there is no network: run by the Python of an installation.

Uses nothing but the standard library and the command `facets-svc` beside that Python; prints what was answered as JSON.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_SECONDS = 60.0
COMMAND = Path(sys.executable).with_name("facets-svc")

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


def raise_loopback() -> None:
    """Switch loopback on: a network of one's own begins with nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags: int = struct.unpack("16sH14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def interfaces() -> list[str]:
    """The network interfaces that there are."""
    return [name for _, name in socket.if_nameindex()]


def run(*arguments: str) -> str:
    """Run the command, and return what it prints."""
    return subprocess.run([COMMAND, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603


def ask(port: int, target: str, headers: dict[str, str]) -> tuple[int, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def main(org: str) -> None:
    raise_loopback()
    report = json.loads(run("sync", "--source", "sample:", "--lake", "./lake", "--json"))
    bearer = run("token", "--org", org).strip()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([COMMAND, "serve", "--lake", "./lake", "--port", str(port)]) as server:  # noqa: S603
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while True:
                try:
                    ask(port, "/health/ready", {})
                    break
                except OSError:
                    if server.poll() is not None or time.monotonic() > deadline:
                        raise
                    time.sleep(0.1)
            target = f"/api/v1/org/{org}/models/facets"
            stranger = ask(port, target, {})[0]
            status, body = ask(port, target, {"Authorization": f"Bearer {bearer}"})
        finally:
            server.terminate()
    told = {
        "interfaces": interfaces(),
        "package": run("--version").strip(),
        "environment": sorted(name for name in os.environ if name.startswith(("FACETS_", "PYTHON"))),
        "rows_kept": report["rows_kept"],
        "stranger": stranger,
        "status": status,
        "body": body,
        "stopped": server.returncode,
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
