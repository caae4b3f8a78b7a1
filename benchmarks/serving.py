"""Over HTTP: the real server on loopback beside a bare handler of the same framework, in the same server."""

from __future__ import annotations

import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import msgspec

from benchmarks import bare
from benchmarks.load import Job, Outcome
from benchmarks.questions import Question
from benchmarks.results import ROOT, Serving, ServingTimes
from benchmarks.workers import resident_bytes
from facets_svc.catalogue import FACETS, FRAMEWORK, LICENSE, TAGS
from facets_svc.cli.token import sign
from facets_svc.engine.duckdb import open_engine
from facets_svc.facets.answer import FacetAnswer
from facets_svc.facets.query import FacetQuery
from facets_svc.lake.folder import Lake
from facets_svc.lake.snapshot import Snapshot
from facets_svc.settings import Settings

CONNECTIONS: Final = (1, 16, 64)
REPEATS: Final = 3
"""Times that the service and the bare handler take turns for one figure; medians are told."""

SECONDS: Final = 4.0
MIXED_SECONDS: Final = 15.0
SWAP_SECONDS: Final = 12.0
LISTED: Final = 50
"""Values a facet in the short answer: what a page of filters shows."""

_SECRET: Final = "a secret of the benchmark, on loopback only"  # noqa: S105 - nobody else's
_PATIENCE_SECONDS: Final = 120


@dataclass
class _Server:
    """A running server: its process, its port."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def worker(self) -> int:
        """The process id of the one worker: of the server's children the largest."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return max(map(int, children), key=resident_bytes)

    def get(self, target: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", target, headers=headers)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()


@contextmanager
def _running(module: Sequence[str], settings: Settings, ready: str, **environ: str) -> Iterator[_Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FACETS_")}
    process = subprocess.Popen(  # noqa: S603 - this interpreter, our modules
        [sys.executable, "-m", *module],
        cwd=ROOT,
        env=inherited | settings.to_env() | {"FACETS_PORT": str(port)} | environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        server = _Server(process, port)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not _is_up(server, ready):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(module)} did not start.")
            time.sleep(0.02)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            process.kill()


def _is_up(server: _Server, target: str) -> bool:
    try:
        return server.get(target, {})[0] == 200
    except OSError:
        return False


def _load(job: Job) -> Outcome:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=msgspec.json.encode(job),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        timeout=job.seconds + 300,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Outcome)


def _target(query: FacetQuery, listed: int | None = LISTED) -> str:
    """Return the request of a query."""
    parameters: list[tuple[str, str]] = []
    if query.include_public:
        parameters.append(("include_public", "true"))
    if query.terms:
        parameters.append(("search", " ".join(query.terms)))
    for facet in FACETS:
        parameters += [(facet.parameter, value) for value in query.selected[facet.index]]
    if listed is not None:
        parameters.append(("facet_limit", str(listed)))
    return f"/api/v1/org/{query.org}/models/facets?{urlencode(parameters)}"


def _never_asked(query: FacetQuery, values: FacetAnswer) -> Iterator[str]:
    """Yield requests that are asked once only: a tag, another tag or a licence, sometimes a framework."""
    tags, licences, frameworks = (values.facets[facet.index].values for facet in (TAGS, LICENSE, FRAMEWORK))
    rng = random.Random(len(tags))
    seen = set()
    while True:
        tag = rng.choice(tags[:400])
        chosen = {
            TAGS: (tag, rng.choice(tags[:400])) if rng.random() < 0.5 else (tag,),
            LICENSE: (rng.choice(licences),) if rng.random() < 0.7 else (),
            FRAMEWORK: (rng.choice(frameworks),) if rng.random() < 0.5 else (),
        }
        target = _target(FacetQuery.of(query.org, include_public=True, selected=chosen, limit=LISTED))
        if target not in seen:
            seen.add(target)
            yield target


class Measurement:
    """Measures the service over the lake in a folder, which gets another snapshot; `serving` is what was measured."""

    def __init__(self, folder: Path, questions: Sequence[Question], threads: int, tell: Callable[[str], None]) -> None:
        self.serving = Serving()
        self._folder = folder
        self._lake = Lake.open(str(folder))
        self._questions = {question.name: question.queries for question in questions}
        self._tell = tell
        self._settings = Settings(lake=str(folder), jwt_secret=_SECRET, threads=threads, poll_seconds=3600)
        orgs = sorted({query.org for question in questions for query in question.queries})
        token = sign(self._settings, orgs=orgs, subject="benchmark", ttl_seconds=24 * 3600)
        self._headers = {"Authorization": f"Bearer {token}"}

    def run(self) -> Serving:
        """Measure everything, and return it."""
        snapshot = self._lake.snapshot()
        [public] = self._questions["public scope"]
        every = self._open(snapshot, public)
        distinct = _never_asked(public, every)
        started = time.monotonic()
        with ExitStack() as open_until_done:
            service = open_until_done.enter_context(_running(["facets_svc", "serve"], self._settings, "/health/ready"))
            self.serving.ready_seconds = time.monotonic() - started
            self.serving.resident_mib = resident_bytes(service.worker) / 2**20
            [popular] = self._questions["a tag, 15 %"]
            self._compare(service, "cached, short", _target(popular))
            self._compare(service, "cached, whole", _target(public, listed=None))
            self._cold(service, distinct)
            self._mixed(service, distinct)
            self.serving.resident_after_load_mib = resident_bytes(service.worker) / 2**20
            self._swap(service, snapshot, _target(popular))
            self.serving.resident_peak_mib = _peak_bytes(service.worker) / 2**20
        return self.serving

    def _open(self, snapshot: Snapshot, query: FacetQuery) -> FacetAnswer:
        """Time the opening of the snapshot; return every value there is."""
        for _ in range(REPEATS):
            started = time.perf_counter()
            engine = open_engine(snapshot, threads=self._settings.threads, memory_limit="")
            self.serving.open_seconds.append(time.perf_counter() - started)
            every = engine.answer(query)
            engine.close()
        self._tell(f"opening the snapshot: {', '.join(f'{seconds:.2f}' for seconds in self.serving.open_seconds)} s")
        return every

    def _compare(self, service: _Server, asked: str, target: str) -> None:
        status, headers, body = service.get(target, self._headers)
        if status != 200:
            raise RuntimeError(f"The service answered {status} to {target}.")
        kept = {name: value for name, value in headers.items() if name.lower() not in _OF_THE_SERVER}
        recorded = self._folder / "answer.json"
        recorded.write_bytes(msgspec.json.encode(bare.Recorded(kept, body)))
        with _running(["benchmarks.bare"], self._settings, target, **{bare.VARIABLE: str(recorded)}) as other:
            if other.get(target, {})[2] != body:
                raise RuntimeError("The bare handler does not return the same bytes.")
            for connections in CONNECTIONS:
                times = ServingTimes(asked=asked, connections=connections, service=[], bare=[])
                for _ in range(REPEATS):
                    for server, taken in ((service, times.service), (other, times.bare)):
                        taken.append(_load(self._job(server, connections, SECONDS, repeated=[target])))
                self.serving.compared.append(times)
                self._tell(_compared(times))

    def _cold(self, service: _Server, distinct: Iterator[str]) -> None:
        for connections in CONNECTIONS:
            targets = [next(distinct) for _ in range(int(SECONDS * 1000))]
            outcome = _load(self._job(service, connections, SECONDS, distinct=targets))
            times = ServingTimes(asked="never asked before", connections=connections, service=[outcome], bare=[])
            self.serving.compared.append(times)
            self._tell(_compared(times))

    def _mixed(self, service: _Server, distinct: Iterator[str]) -> None:
        repeated = [_target(query) for query in self._questions["session of ten clicks"]]
        targets = [next(distinct) for _ in range(int(MIXED_SECONDS * 1000))]
        job = self._job(service, 64, MIXED_SECONDS, repeated=repeated, distinct=targets, share_repeated=0.8)
        self.serving.mixed = _load(job)
        self._tell(f"mixed: {self.serving.mixed}")

    def _swap(self, service: _Server, snapshot: Snapshot, target: str) -> None:
        """Publish a copy of the snapshot, ready beforehand, while cached answers are asked for."""
        with self._lake.writing() as writer, writer.draft() as draft:
            for entry in snapshot.manifest.files:
                place = draft.path / entry.path
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(snapshot.path / entry.path, place)
            manifest = msgspec.structs.replace(snapshot.manifest, id=draft.id, created_at=draft.created_at)
            sealed = writer.seal(draft, manifest)

            def publish() -> None:
                writer.publish(sealed)
                service.process.send_signal(signal.SIGHUP)

            timer = threading.Timer(SWAP_SECONDS / 3, publish)
            timer.start()
            self.serving.swap = _load(self._job(service, 4, SWAP_SECONDS, repeated=[target]))
            timer.join()
        _, headers, _ = service.get(target, self._headers)
        if headers.get("x-snapshot-id", headers.get("X-Snapshot-Id")) != manifest.id:
            raise RuntimeError("The service did not take up the new snapshot.")
        self._tell(f"swap: {self.serving.swap}")

    def _job(
        self,
        server: _Server,
        connections: int,
        seconds: float,
        *,
        repeated: Sequence[str] = (),
        distinct: Sequence[str] = (),
        share_repeated: float | None = None,
    ) -> Job:
        share = (1.0 if repeated else 0.0) if share_repeated is None else share_repeated
        return Job(
            port=server.port,
            connections=connections,
            seconds=seconds,
            headers=self._headers,
            repeated=list(repeated),
            distinct=list(distinct),
            share_repeated=share,
        )


_OF_THE_SERVER: Final = {"content-length", "content-type", "date", "server", "connection", "transfer-encoding"}
"""Headers that the server or the framework adds by itself."""


def _peak_bytes(pid: int) -> int:
    """Return the most resident memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _compared(times: ServingTimes) -> str:
    figures = (
        f"{name} {max(outcome.requests_a_second for outcome in outcomes):.0f}/s (client {outcomes[0].client_cpu:.0%})"
        for name, outcomes in (("service", times.service), ("bare", times.bare))
        if outcomes
    )
    return f"{times.asked}, {times.connections} connections: {', '.join(figures)}"
