"""Runs the checks of `sql/checks/` over a snapshot before it is published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from facets_svc import duck, sql
from facets_svc.errors import SnapshotCorrupt
from facets_svc.lake.snapshot import INDEX, Snapshot, pattern
from facets_svc.sync.progress import Advance

_PARTITION: Final = ", ".join(
    f"regexp_extract(filename, '/visibility=([^/]*)/bucket=([^/]*)/[^/]*$', {place}) AS {name}"
    for place, name in ((1, "visibility"), (2, "bucket"))
)
"""The partition of a row, from the path of its file. Hive partitioning would also read the folders above the lake."""


def check(snapshot: Snapshot, *, memory_limit: str, threads: int, scratch: Path, advance: Advance) -> None:
    """Run all checks over a snapshot, calling `advance(1)` after each.

    Raises `SnapshotCorrupt` with the first row of the first check that finds any.
    """
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
        files = [pattern(file) for file in snapshot.model_files()]
        models = connection.read_parquet(files, hive_partitioning=False, filename=True)
        models.project(f"* EXCLUDE (filename), {_PARTITION}").create_view("models")
        yield connection
