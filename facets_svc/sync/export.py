"""Writes the files of a snapshot: DuckDB runs the statements of `sql/export/` and `sql/index/`, Arrow writes Parquet.

The cleaned rows are in a Parquet file (the stage). SQL derives everything else from it, within a memory limit, and
spills beside the stage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import duckdb
import pyarrow as pa

from facets_svc import duck, sql
from facets_svc.catalogue import FACETS, RECORD
from facets_svc.lake import files
from facets_svc.lake.snapshot import CLUSTER, INDEX, pattern
from facets_svc.sync.progress import Advance

BYTES_PER_BUCKET: Final = 192 * 2**20
"""Bytes of the stage per hash bucket of orgs, at most. The number of buckets is a power of 2."""

STORAGE_VERSION: Final = "v1.5.0"
"""The format of the index file, which DuckDB 1.5 and 2.0 read. DuckDB 1.5 cannot read the default format of 2.0."""

_BATCH_ROWS: Final = 16_384

CLUSTER_TABLES: Final = ("facet_values", "frequent_words", "orgs", "postings", "facet_totals", "bar_totals", "models")
"""The tables of the index that a cluster reads."""

CLUSTER_FILE_ROWS: Final = 8 * files.ROW_GROUP_ROWS
"""Rows of a file of a cluster's table: some 100 MB of models, which one task of the cluster reads."""

_EMPTY: Final = ("public", 0, 0, 0)
"""The only partition of a catalogue without models: its file has no rows, but the columns."""

_TYPES: Final = ("tag", "license", "task_category", "framework", "size_category")
"""The type that numbers the values of a facet while the index is made, by the index of the facet."""

INDEX_STATEMENTS: Final = (
    "facet_values",
    "frequent_words",
    "numbering",
    "ranks",
    "models",
    "models_rows",
    "orgs",
    "postings",
    "facet_totals",
    "bar_totals",
)
"""The statements of `sql/index/` that make the index, in order. `numbering` is no file: Python numbers the values."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of models and orgs of a snapshot, and of the distinct values of each facet, by response key."""

    models: int
    public_models: int
    orgs: int
    orgs_without_models: int
    facet_values: dict[str, int]


class Export:
    """Derives the files of one snapshot from its stage. Use it as a context, and call the methods in their order.

    `connection` is its DuckDB. Methods raise `duckdb.Error` or `OSError` if the disk fails.
    """

    def __init__(self, stage: Path, *, scratch: Path, memory_limit: str, threads: int) -> None:
        self._stage = stage
        self.connection = duck.connect(
            threads=threads,
            memory_limit=memory_limit,
            scratch=str(scratch),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def drop_duplicates(self) -> pa.Table:
        """Find the rows of the stage that lose to another row of the same id, and return them as rejects."""
        self.connection.read_parquet(pattern(self._stage), hive_partitioning=False).create_view("staged")
        self._execute("export/duplicates")
        return self._query("export/duplicate_rejects").to_arrow_table()

    def derive_size_category(self) -> None:
        """Set the size category of every row by its number of parameters."""
        self.connection.execute("ALTER VIEW staged RENAME TO staged_as_read")
        self._execute("export/derived_size_category")

    def list_orgs(self, orgs: pa.Table) -> None:
        """Add orgs to the catalogue (one column, `org`), whether or not they have models."""
        self.connection.from_arrow(orgs).create("listed_orgs")

    def order(self) -> None:
        """Sort the remaining rows in the order of the files, and so number them by row ids."""
        buckets = 1
        while buckets * BYTES_PER_BUCKET < self._stage.stat().st_size:
            buckets *= 2
        self._execute("export/ordered", buckets=buckets)

    def write_models(self, folder: Path, advance: Advance) -> list[Path]:
        """Write the records below `folder`, hive-partitioned by visibility and bucket, and return the files.

        `advance` receives the rows of each file.
        """
        partitions = self._query("export/partitions").fetchall() or [_EMPTY]
        written: list[Path] = []
        reader = self._query("export/models").to_arrow_reader(_BATCH_ROWS)
        batches = _Batches(reader)
        for visibility, bucket, first, end in partitions:
            path = folder / f"visibility={visibility}" / f"bucket={bucket:02d}" / "part-0.parquet"
            advance(files.write_parquet(path, RECORD, batches.take(end - first)))
            written.append(path)
        return written

    def write_index(self, folder: Path, advance: Advance) -> Path:
        """Write the index into the folder of a snapshot, and return its file.

        `connection` keeps a copy of the table `facet_values`. Calls `advance(1)` after each of `INDEX_STATEMENTS`.
        """
        path = folder / INDEX
        path.parent.mkdir(parents=True)
        quoted = str(path).replace("'", "''")
        self.connection.execute(f"ATTACH '{quoted}' AS snapshot (STORAGE_VERSION '{STORAGE_VERSION}')")
        for name in INDEX_STATEMENTS:
            if name == "numbering":
                self._number_values()
            else:
                self._execute(f"index/{name}")
            advance(1)
        self.connection.execute("CREATE TABLE facet_values AS SELECT * FROM snapshot.facet_values")
        self.connection.execute("DETACH snapshot")
        files.sync_file(path)
        return path

    def write_cluster_tables(self, folder: Path, advance: Advance) -> list[Path]:
        """Write the `CLUSTER_TABLES` of the index in `folder` as Parquet, in their order, and return the files.

        Calls `advance(1)` after each table.
        """
        quoted = str(folder / INDEX).replace("'", "''")
        self.connection.execute(f"ATTACH '{quoted}' AS snapshot (READ_ONLY)")
        written: list[Path] = []
        for table in CLUSTER_TABLES:
            relation = self.connection.table(f"snapshot.{table}")
            [(rows,)] = relation.count("*").fetchall()
            reader = relation.to_arrow_reader(_BATCH_ROWS)
            batches = _Batches(reader)
            for first in range(0, max(rows, 1), CLUSTER_FILE_ROWS):
                path = folder / CLUSTER / table / f"part-{first // CLUSTER_FILE_ROWS:05}.parquet"
                taken = batches.take(min(CLUSTER_FILE_ROWS, rows - first))
                files.write_parquet(path, reader.schema, taken)
                written.append(path)
            reader.close()
            advance(1)
        self.connection.execute("DETACH snapshot")
        return written

    def _number_values(self) -> None:
        """Create the types and variables that `sql/index/models_rows.sql` uses."""
        for index, name in enumerate(_TYPES):
            values = f"FROM snapshot.facet_values WHERE facet = {index} AND value IS NOT NULL"
            self.connection.execute(f"CREATE TYPE {name} AS ENUM (SELECT value {values} ORDER BY code)")
            self.connection.execute(
                f"SET VARIABLE first_{name} = (SELECT CAST(coalesce(min(code), 0) AS INTEGER) {values})"
            )
        words = "SELECT coalesce(list(word ORDER BY bit), []) FROM snapshot.frequent_words"
        self.connection.execute(f"SET VARIABLE frequent_words = CAST(({words}) AS VARCHAR[])")

    def counts(self) -> Counts:
        """Return the counts of the snapshot, after its index is written."""
        [(models, public_models, orgs, without_models)] = self._query("export/counts").fetchall()
        values = dict(self.connection.sql("SELECT facet, count(value) FROM facet_values GROUP BY facet").fetchall())
        by_key = {facet.response_key: values.get(facet.index, 0) for facet in FACETS}
        return Counts(models, public_models, orgs, without_models, by_key)

    def sized_models(self) -> int:
        """Return the number of models with a size category, after `order`."""
        [(models,)] = self.connection.sql("SELECT count(size_category) FROM ordered").fetchall()
        return int(models)

    def _execute(self, name: str, **parameters: Any) -> None:
        self.connection.execute(sql.load(name).text, parameters)

    def _query(self, name: str) -> duckdb.DuckDBPyRelation:
        # Without parameters: with them, DuckDB 1.5 buffers the result, and returns its rows in any order.
        return self.connection.sql(sql.load(name).text)


class _Batches:
    """The rows of a reader, in order, by number of rows instead of by batch."""

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self._reader = iter(reader)
        self._rest: pa.RecordBatch | None = None

    def take(self, rows: int) -> Iterator[pa.RecordBatch]:
        """Yield the next `rows` rows."""
        while rows:
            batch = self._rest if self._rest is not None else next(self._reader)
            taken = batch.slice(0, rows)
            self._rest = batch.slice(taken.num_rows) if taken.num_rows < batch.num_rows else None
            rows -= taken.num_rows
            yield taken
