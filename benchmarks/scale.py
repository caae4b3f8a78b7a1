"""`python -m benchmarks.scale [MODELS [ROUNDS]]`: what a question costs over Spark Connect, beside DuckDB.

One snapshot is published with the tables that a cluster reads. DuckDB and Sail, as one process and as a cluster of 1, 2
and 4 workers on this machine, are asked the same questions; they take turns, so that what disturbs the machine disturbs
all; medians. The answers are the same, or there is no figure. One machine cannot show what more machines gain: the
figures are what the protocol, the planning and the exchange between workers cost.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks import catalogue, records
from benchmarks.questions import Question, questions
from benchmarks.sync import synced
from facets_svc.engine.base import Engine
from facets_svc.engine.duckdb import open_engine
from facets_svc.engine.spark import cluster_location, open_spark_engine
from facets_svc.errors import LakeError
from facets_svc.lake.snapshot import CLUSTER, INDEX, Snapshot

MODELS: Final = 1_000_000
ROUNDS: Final = 5
FIRST_PORT: Final = 52_050
WORKERS: Final = (0, 1, 2, 4)
"""Workers of a cluster; 0 is Sail without a cluster."""

START_SECONDS: Final = 60.0


@contextlib.contextmanager
def sail(number: int, workers: int) -> Iterator[str]:
    """Start Sail, and return its endpoint."""
    environment = dict(os.environ)
    if workers:
        environment |= {
            "SAIL_MODE": "local-cluster",
            "SAIL_CLUSTER__WORKER_INITIAL_COUNT": str(workers),
            "SAIL_CLUSTER__WORKER_MAX_COUNT": str(workers),
        }
    port = FIRST_PORT + number
    command = [sys.executable, "-m", "pysail", "spark", "server", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        yield f"sc://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def opened(snapshot: Snapshot, endpoint: str, location: str) -> Engine:
    """Open an engine over a server that has just been started."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            return open_spark_engine(snapshot, endpoint=endpoint, location=location)
        except LakeError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def milliseconds(engine: Engine, question: Question) -> float:
    """Ask, and return how long it took."""
    started = time.perf_counter()
    for query in question.queries:
        engine.answer(query)
    return (time.perf_counter() - started) * 1000


def require_same(engines: dict[str, Engine], question: Question) -> None:
    """Stop unless all give the same answers. This is the warm-up, too."""
    for query in question.queries:
        right, *others = (engine.answer(query) for engine in engines.values())
        assert all(other == right for other in others), question.name


def compare(engines: dict[str, Engine], asked: list[Question], rounds: int) -> Table:
    """Return a line a question: DuckDB's median in milliseconds, and how many times as long the others take."""
    table = Table("question", *(name if not place else f"{name}, times" for place, name in enumerate(engines)))
    for question in asked:
        require_same(engines, question)
        times: dict[str, list[float]] = {name: [] for name in engines}
        for _ in range(rounds):
            for name, engine in engines.items():
                times[name].append(milliseconds(engine, question))
        first, *others = (statistics.median(each) for each in times.values())
        table.add_row(question.name, f"{first:.1f}", *(f"{other / first:.1f}" for other in others))
    return table


def main(models: int = MODELS, rounds: int = ROUNDS) -> None:
    """Publish, ask, and print the figures."""
    console = Console(width=120)
    threads = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as until_done:
        folder = Path(name)
        source = folder / "catalogue.parquet"
        catalogue.write(source, models)
        report, snapshot = synced(source, folder / "lake", threads, cluster=True)
        index = snapshot.file(INDEX).stat().st_size
        tables = sum(entry.bytes for entry in snapshot.entries(CLUSTER))
        console.print(
            f"{models:,} models, {threads} cores: index {index / 1e6:.0f} MB, cluster's {tables / 1e6:.0f} MB"
        )
        writing, whole = report.seconds["write cluster tables"], sum(report.seconds.values())
        console.print(f"written in {writing:.1f} of the job's {whole:.1f} s")
        records.write(snapshot, folder / "records.parquet")
        engines: dict[str, Engine] = {"DuckDB, ms": open_engine(snapshot, threads=threads, memory_limit="")}
        location = cluster_location(str(folder / "lake"))
        for number, workers in enumerate(WORKERS):
            endpoint = until_done.enter_context(sail(number, workers))
            engines["Sail" if not workers else f"{workers} workers"] = opened(snapshot, endpoint, location)
        console.print(compare(engines, list(questions(folder / "records.parquet")), rounds))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
