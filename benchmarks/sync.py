"""`python -m benchmarks.sync [MODELS [ROUNDS]]`: what a whole sync costs, beside DuckDB's bare `COPY` of the same rows.

Both read one Parquet file of the generator, and both write the records as zstd Parquet, partitioned by visibility and
bucket, on the same threads. The `COPY` does nothing else: no cleaning, no order, no index, no checksums, no checks, no
flush to the disk. The two take turns, so that what disturbs the machine disturbs both; medians. What they wrote is the
same, or there is no figure. Opening the snapshot as the service would is part of the sync, as in the command.
"""

from __future__ import annotations

import contextlib
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks import catalogue
from facets_svc import sql
from facets_svc.catalogue import RECORD
from facets_svc.engine.duckdb import open_engine
from facets_svc.lake import FolderLake, Snapshot
from facets_svc.settings import Settings
from facets_svc.sync.job import run
from facets_svc.sync.report import Report
from facets_svc.sync.sources import open_source

MODELS: Final = 1_000_000
ROUNDS: Final = 3


class Silence:
    """Shows no progress."""

    def stage(self, _name: str, _total: int | None = None) -> AbstractContextManager[Callable[[int], None]]:
        """Show nothing."""
        return contextlib.nullcontext(lambda _units: None)


def synced(source: Path, folder: Path, threads: int, *, cluster: bool = False) -> tuple[Report, Snapshot]:
    """Sync `source` into a new lake in `folder`; with `cluster`, also the tables that a cluster reads."""
    lake = FolderLake(folder)
    report = run(
        open_source(str(source)),
        lake,
        probe=lambda snapshot: open_engine(snapshot, threads=threads, memory_limit="").close(),
        progress=Silence(),
        threads=threads,
        cluster=cluster,
    )
    return report, lake.snapshot()


def copied(source: Path, folder: Path, buckets: int, threads: int) -> float:
    """Copy the rows of `source` into `folder`, and return the seconds."""
    with duckdb.connect(config={"threads": threads}) as connection:
        rows = connection.read_parquet(str(source))
        columns = ", ".join(
            name if name in rows.columns else f"CAST(NULL AS BIGINT) AS {name}" for name in RECORD.names
        )
        started = time.perf_counter()
        connection.execute(
            f"COPY (SELECT {columns}, CASE WHEN is_public THEN 'public' ELSE 'private' END AS visibility, "
            f"CAST('0x' || left(md5(org), 8) AS UBIGINT) % {buckets} AS bucket FROM rows) "
            f"TO '{folder}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (visibility, bucket))"
        )
        return time.perf_counter() - started


def require_same(snapshot: Snapshot, folder: Path) -> None:
    """Stop unless the files in `folder` hold the models of the snapshot, column by column."""
    files = {"before": snapshot.model_files(), "after": [str(path) for path in sorted(folder.rglob("*.parquet"))]}
    with duckdb.connect() as connection:
        changes = connection.execute(sql.load("lake/changed_models").text, files).fetchall()
    if changes != [(0, 0, 0)]:
        raise SystemExit(f"The two sides do not hold the same models (added, removed, changed): {changes}.")


def main(models: int, rounds: int) -> None:
    """Make the catalogue, let the two take turns, and print a line a stage."""
    threads = Settings().threads
    syncs: list[Report] = []
    copies: list[float] = []
    with tempfile.TemporaryDirectory(prefix="facets-svc-") as name:
        source, lake, copy = (Path(name) / part for part in ("models.parquet", "lake", "copy"))
        catalogue.write(source, models)
        for _ in range(rounds):
            for path in (lake, copy):
                shutil.rmtree(path, ignore_errors=True)
            report, snapshot = synced(source, lake, threads)
            buckets = len({path.parent.name for path in map(Path, snapshot.model_files())})
            syncs.append(report)
            copies.append(copied(source, copy, buckets, threads))
            require_same(snapshot, copy)
    bare = statistics.median(copies)
    table = Table(
        "stage", "seconds", "of the bare COPY", title=f"{models:,} models, {rounds} rounds, {threads} threads"
    )
    for stage in syncs[0].seconds:
        seconds = statistics.median(report.seconds[stage] for report in syncs)
        table.add_row(stage, f"{seconds:.2f}", f"{seconds / bare:.2f}")
    total = statistics.median(sum(report.seconds.values()) for report in syncs)
    table.add_row("the whole sync", f"{total:.2f}", f"{total / bare:.2f}")
    table.add_row("bare COPY", f"{bare:.2f}", "1.00")
    console = Console()
    console.print(table)
    peak = max(report.peak_memory_bytes for report in syncs) / 2**30
    console.print(f"{syncs[0].bytes / 2**20:.0f} MiB a snapshot; {peak:.2f} GiB at most, both sides in one process.")


if __name__ == "__main__":
    main(*(int(given) for given in (*sys.argv[1:], *map(str, (MODELS, ROUNDS)[len(sys.argv) - 1 :]))))
