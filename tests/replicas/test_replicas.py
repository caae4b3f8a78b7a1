"""Three services over one bucket behind a load balancer, while snapshots change, one dies and one is added."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from facets_svc.lake import BucketLake
from tests.bucket.seaweed import free_ports
from tests.catalogues import model, sync, write_catalogue
from tests.replicas.balancer import Balancer
from tests.web.client import FACETS, SECRET, token

ROOT = Path(__file__).resolve().parents[2]
POLL_SECONDS = 0.3
BEARER = {"Authorization": f"Bearer {token('acme', exp=int(time.time()) + 86400)}"}


def get(port: int, target: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", target, headers=BEARER | {"Connection": "close"})
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


@dataclass
class Replica:
    """A service of its own: its port, its cache, and its process group, so that it can die as a whole."""

    lake: str
    folder: Path
    port: int = field(default_factory=lambda: free_ports(1)[0])

    def __enter__(self) -> Self:
        self.folder.mkdir()
        environ = {name: value for name, value in os.environ.items() if not name.startswith("FACETS_")}
        environ |= {
            "FACETS_LAKE": self.lake,
            "FACETS_CACHE": str(self.folder / "cache"),
            "FACETS_PORT": str(self.port),
            "FACETS_JWT_SECRET": SECRET,
            "FACETS_POLL_SECONDS": str(POLL_SECONDS),
            "FACETS_DEADLINE_MS": "60000",  # the machine may be busy with other tests
        }
        self.log = (self.folder / "log").open("wb")
        command = [sys.executable, "-m", "facets_svc", "serve"]
        self.process = subprocess.Popen(  # noqa: S603 - the arguments are of our own making
            command, cwd=ROOT, env=environ, stderr=self.log, start_new_session=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.log.close()

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        # Its workers hold the port for a moment longer.
        with contextlib.suppress(OSError):
            while True:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()

    def snapshot(self) -> str | None:
        """The snapshot that it answers from; None while it does not answer."""
        try:
            status, _, body = get(self.port, "/health/ready")
        except OSError:
            assert self.process.poll() is None, (self.folder / "log").read_text()
            return None
        return json.loads(body)["snapshot_id"] if status == 200 else None

    def await_snapshot(self, snapshot_id: str) -> None:
        while self.snapshot() != snapshot_id:  # the test's timeout ends it
            time.sleep(0.05)


@dataclass(frozen=True)
class Seen:
    """One answer: when it was asked and was there, and what it said."""

    asked: float
    answered: float
    status: int
    snapshot: str
    body: bytes


@dataclass
class Client:
    """Asks without a pause until it is told to stop; `broken` has when it asked those that were cut."""

    port: int
    target: str
    seen: list[Seen] = field(default_factory=list)
    broken: list[float] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.over.is_set():
            asked = time.monotonic()
            try:
                status, headers, body = get(self.port, self.target)
            except (OSError, http.client.HTTPException):
                self.broken.append(asked)
                continue
            self.seen.append(Seen(asked, time.monotonic(), status, headers.get("x-snapshot-id", ""), body))


class Running:
    """Clients that ask while the block runs."""

    def __init__(self, *clients: Client) -> None:
        self.clients = clients
        self._threads = [threading.Thread(target=client.run) for client in clients]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        for client in self.clients:
            client.over.set()
        for thread in self._threads:
            thread.join()


class Publisher:
    """Publishes catalogues that tell themselves apart in every part of an answer."""

    def __init__(self, lake: BucketLake, folder: Path) -> None:
        self._lake = lake
        self._source = folder / "catalogue.jsonl"
        self.answers: dict[str, dict[str, object]] = {}
        self.loaded: dict[str, float] = {}
        """When every service was seen to answer from a snapshot."""

    def publish(self) -> str:
        number = len(self.answers) + 1
        rows = [
            model(one, tags=[f"run-{number}"], license=f"license-{number}", framework=f"framework-{number}")
            for one in range(number)
        ]
        snapshot_id = sync(write_catalogue(self._source, rows), self._lake).snapshot_id
        self.answers[snapshot_id] = {
            "total": number,
            "filtered_total": number,
            "tags": [f"run-{number}"],
            "licenses": [f"license-{number}"],
            "frameworks": [f"framework-{number}"],
        }
        return snapshot_id

    def swap(self, *replicas: Replica) -> None:
        snapshot_id = self.publish()
        for replica in replicas:
            replica.await_snapshot(snapshot_id)
        self.loaded[snapshot_id] = time.monotonic()

    def check(self, seen: Seen) -> None:
        """One answer is wholly of one snapshot, the one that its header names."""
        assert seen.status == 200, seen
        answer = json.loads(seen.body)
        expected = self.answers[seen.snapshot]
        assert {name: answer[name] for name in expected} == expected


@pytest.mark.timeout(600)
def test_answers_are_right_whatever_happens_to_the_services(lake: BucketLake, tmp_path: Path) -> None:
    published = Publisher(lake, tmp_path)
    first = published.publish()
    places = [Replica(lake.location, tmp_path / f"replica-{number}") for number in range(4)]
    with places[0] as one, places[1] as two, places[2] as three, Balancer(one.port, two.port, three.port) as balancer:
        for replica in (one, two, three):
            replica.await_snapshot(first)
        clients = [Client(balancer.port, FACETS) for _ in range(3)]
        pinned = Client(balancer.port, f"{FACETS}?as_of={first}")
        with Running(*clients, pinned) as running:
            for _ in range(3):
                published.swap(one, two, three)
            two.kill()
            dead = time.monotonic()
            published.swap(one, three)
            with places[3] as four:
                four.await_snapshot(list(published.answers)[-1])
                balancer.targets[balancer.targets.index(two.port)] = four.port
                for _ in range(2):
                    published.swap(one, three, four)
                time.sleep(2 * POLL_SECONDS)
                running.stop()

    order = list(published.answers)
    for client in clients:
        assert {seen.snapshot for seen in client.seen} <= set(order)
        assert client.seen[-1].snapshot == order[-1]
        for seen in client.seen:
            published.check(seen)
            # It goes back only while a service has not polled yet: never once all of them have loaded a snapshot.
            loaded = [order.index(name) for name, when in published.loaded.items() if when <= seen.asked]
            assert order.index(seen.snapshot) >= max(loaded, default=0)
    # A client that names a snapshot stays with it, through every service and every publication.
    assert {(seen.status, seen.snapshot) for seen in pinned.seen} == {(200, first)}
    for seen in pinned.seen:
        published.check(seen)
    # Only connections of the dead service were cut: another one answers later requests.
    assert all(asked <= dead for client in (*clients, pinned) for asked in client.broken)
    assert sum(len(client.seen) for client in clients) > 100
