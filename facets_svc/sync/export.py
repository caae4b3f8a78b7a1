"""Writing a snapshot's files: DuckDB runs the statements of `sql/export/`, Arrow writes what they answer.

The cleaned rows lie in a Parquet file (the stage); everything else is derived from it by SQL, within a memory limit,
spilling beside the stage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import duckdb
import pyarrow as pa

from facets_svc import sql
from facets_svc.catalogue import FACETS, ORDERS, RECORD, TEXTS
from facets_svc.lake import files, lines
from facets_svc.sync.progress import Advance

BYTES_PER_BUCKET: Final = 192 * 2**20
"""Stage bytes from which on the orgs are spread over twice as many buckets."""

MODELS_AT_A_TIME: Final = 2**20
"""Models whose lists are put together at a time, which the memory limit has to have room for."""

_IN_SLICES: Final = "export/index_model_facets"

_BATCH_ROWS: Final = 16_384

_EMPTY: Final = ("public", 0, 0, 0)
"""The one partition of a catalogue without models, so that there is a file that tells the columns."""

_CODE = pa.field("code", pa.uint32(), nullable=False)
_RID = pa.field("rid", pa.uint32(), nullable=False)
_MODELS = pa.field("models", pa.int64(), nullable=False)
_ORG = pa.field("org", pa.string(), nullable=False)

INDEX: Final = {
    "facet_values": pa.schema(
        [
            _CODE,
            pa.field("facet", pa.uint8(), nullable=False),
            pa.field("value", pa.string()),
            _MODELS,
            pa.field("public_models", pa.int64(), nullable=False),
        ]
    ),
    "model_facets": pa.schema(
        [
            _RID,
            pa.field("codes", pa.list_(pa.uint32()), nullable=False),
            pa.field("license", pa.uint32(), nullable=False),
            pa.field("framework", pa.uint32(), nullable=False),
            pa.field("size_category", pa.uint32(), nullable=False),
            *(RECORD.field(name) for name in ("parameters", "size_bytes", "downloads", "created_at", "updated_at")),
            pa.field("search_text", pa.string(), nullable=False),
        ]
    ),
    "postings_public": pa.schema([_CODE, _RID]),
    "words_public": pa.schema([pa.field("word", pa.string(), nullable=False), _RID]),
    "orgs": pa.schema(
        [
            _ORG,
            *(
                pa.field(name, pa.uint32(), nullable=False)
                for name in ("public_first", "public_end", "private_first", "private_end")
            ),
        ]
    ),
    "facet_totals": pa.schema(
        [pa.field("first", pa.uint32(), nullable=False), _CODE, pa.field("models", pa.uint32(), nullable=False)]
    ),
    "public_texts": pa.schema([_RID, *(RECORD.field(name) for name in TEXTS)]),
    "model_ids": pa.schema([_RID, RECORD.field("id")]),
    "model_order": pa.schema([_RID, *(pa.field(name, pa.uint32(), nullable=False) for name in ORDERS)]),
}
"""The files of the index and their schemas; `sql/export/index_<name>.sql` says what is in them."""

READ_BY_ROW: Final = frozenset({"public_texts"})
"""Those of them that single rows are read of, while the others are read whole."""

PRIVATE_LINES: Final = pa.schema(
    [
        _RID,
        pa.field("bytes", pa.uint32(), nullable=False),
        pa.field("crc", pa.uint32(), nullable=False),
        pa.field("md5", pa.string(), nullable=False),
    ]
)
"""`private_lines`, a file of the index too: by row id, where the lines of `private_texts.jsonl` lie."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a snapshot holds: models, orgs, and the distinct values by response key."""

    models: int
    public_models: int
    orgs: int
    orgs_without_models: int
    facet_values: dict[str, int]


class Export:
    """The derivation of one snapshot's files from its stage, on a `connection` of its own. Use it as a context."""

    def __init__(self, stage: Path, *, scratch: Path, memory_limit: str, threads: int) -> None:
        self._stage = stage
        self.connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": memory_limit,
                "threads": threads,
                "temp_directory": str(scratch),
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def drop_duplicates(self) -> pa.Table:
        """Read the stage, find the rows that lose to another of the same id, and return them as rejects."""
        self.connection.read_parquet(str(self._stage)).create_view("staged")
        self._execute("export/duplicates")
        return self._query("export/duplicate_rejects").to_arrow_table()

    def list_orgs(self, orgs: pa.Table) -> None:
        """Make these orgs known (one column, `org`), whether or not they have models."""
        self.connection.from_arrow(orgs).create("listed_orgs")

    def place(self) -> None:
        """Give every row that stays its partition and its row id."""
        buckets = 1
        while buckets * BYTES_PER_BUCKET < self._stage.stat().st_size:
            buckets *= 2
        self._execute("export/placed", buckets=buckets)

    def index(self) -> None:
        """Give every facet value its code, find out which model holds which, and which words many models share."""
        for name in ("exploded", "facet_values", "postings", "said", "words"):
            self._execute(f"export/{name}")

    def write_models(self, folder: Path, advance: Advance) -> list[Path]:
        """Write the records, hive-partitioned by visibility and bucket, under `folder`, and return the files."""
        partitions = self._query("export/partitions").fetchall() or [_EMPTY]
        written: list[Path] = []
        reader = self._query("export/models").to_arrow_reader(_BATCH_ROWS)
        batches = _Batches(reader)
        for visibility, bucket, first, end in partitions:
            path = folder / f"visibility={visibility}" / f"bucket={bucket:02d}" / "part-0.parquet"
            advance(files.write_parquet(path, RECORD, batches.take(end - first)))
            written.append(path)
        return written

    def write_index(self, folder: Path, advance: Advance) -> list[Path]:
        """Write the facet index under `folder`, and return the files."""
        written: list[Path] = []
        for name, schema in INDEX.items():
            path = folder / f"{name}.parquet"
            files.write_parquet(path, schema, self._rows(f"export/index_{name}"), by_row=name in READ_BY_ROW)
            advance(1)
            written.append(path)
        return [*written, *self._write_private_texts(folder)]

    def _rows(self, name: str) -> Iterator[pa.RecordBatch]:
        """Yield what a statement answers; one that is about a slice of the models, of each slice after the other."""
        if name != _IN_SLICES:
            yield from self._query(name).to_arrow_reader(_BATCH_ROWS)
            return
        [(models,)] = self.connection.sql("SELECT count(*) FROM placed").fetchall()
        for first in range(0, models, MODELS_AT_A_TIME):
            self._execute("export/slice", first=first, end=first + MODELS_AT_A_TIME)
            yield from self._query(name).to_arrow_reader(_BATCH_ROWS)

    def _write_private_texts(self, folder: Path) -> list[Path]:
        """Write the texts of private models, of which only lines are read, and where each line lies."""
        texts, places = folder / "private_texts.jsonl", folder / "private_lines.parquet"
        reader = self._query("export/private_texts").to_arrow_reader(_BATCH_ROWS)
        with texts.open("wb") as file:

            def written() -> Iterator[pa.RecordBatch]:
                for batch in reader:
                    content, lengths, checksums = lines.encode(batch.column("line"))
                    file.write(content)
                    yield pa.record_batch(
                        [
                            batch.column("rid"),
                            pa.array(lengths, pa.uint32()),
                            pa.array(checksums, pa.uint32()),
                            batch.column("md5"),
                        ],
                        schema=PRIVATE_LINES,
                    )

            files.write_parquet(places, PRIVATE_LINES, written())
        return [texts, places]

    def counts(self) -> Counts:
        """Count what is there now."""
        [(models, public_models, orgs, without_models)] = self._query("export/counts").fetchall()
        values = dict(self.connection.sql("SELECT facet, count(value) FROM facet_values GROUP BY facet").fetchall())
        by_key = {facet.response_key: values.get(facet.index, 0) for facet in FACETS}
        return Counts(models, public_models, orgs, without_models, by_key)

    def _execute(self, name: str, **parameters: Any) -> None:
        self.connection.execute(sql.load(name).text, parameters)

    def _query(self, name: str) -> duckdb.DuckDBPyRelation:
        # Without parameters: with them, DuckDB 1.5 keeps the answer first, and hands it out in any order.
        return self.connection.sql(sql.load(name).text)


class _Batches:
    """Batches of a reader, taken by rows rather than by batch."""

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
