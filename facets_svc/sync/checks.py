"""The checks of `sql/checks/`, run over a snapshot before it is published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from facets_svc import duck, sql
from facets_svc.errors import SnapshotCorrupt
from facets_svc.lake.snapshot import INDEX, Snapshot
from facets_svc.sync.progress import Advance


def check(snapshot: Snapshot, *, memory_limit: str, threads: int, scratch: Path, advance: Advance) -> None:
    """Run `sql/checks/` over a snapshot. Raises `SnapshotCorrupt` with the first row of the first check that fails."""
    with _reading(snapshot, memory_limit=memory_limit, threads=threads, scratch=scratch) as connection:
        for statement in sql.load_folder("checks"):
            rows = connection.sql(statement.text).limit(1).fetchall()
            if rows:
                raise SnapshotCorrupt(f"The snapshot {snapshot.id} fails {statement.name}: {rows[0]!r}.")
            advance(1)


@contextmanager
def _reading(
    snapshot: Snapshot, *, memory_limit: str, threads: int, scratch: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    with duck.connect(threads=threads, memory_limit=memory_limit, scratch=str(scratch)) as connection:
        index = str(snapshot.file(INDEX)).replace("'", "''")
        connection.execute(f"ATTACH '{index}' AS snapshot (READ_ONLY)")
        models: Sequence[str] = snapshot.model_files()
        connection.read_parquet(list(models), hive_partitioning=True).create_view("models")
        yield connection
