"""The records that every engine is given: what the job of this project published, cleaned, in one Parquet file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from facets_svc.catalogue import FACETS, RECORD, search_text
from facets_svc.lake.snapshot import Snapshot

COLUMNS: Final = ("org", "is_public", *(facet.column for facet in FACETS))

SCHEMA: Final = pa.schema([RECORD.field(column) for column in COLUMNS] + [pa.field("search_text", pa.string())])
"""What is counted and filtered by, and the folded text that is searched."""


def write(snapshot: Snapshot, path: Path) -> None:
    """Write the records of a snapshot, in its order. The file appears when it is whole."""
    unfinished = path.with_suffix(".tmp")
    with pq.ParquetWriter(unfinished, SCHEMA, compression="zstd") as writer:
        for file in snapshot.model_files():
            for batch in pq.ParquetFile(file).iter_batches(columns=[*COLUMNS, "name", "description"]):
                columns = (batch.column(name).to_pylist() for name in ("org", "name", "description"))
                texts = [search_text(*texts) for texts in zip(*columns, strict=True)]
                writer.write_table(
                    pa.table([*(batch.column(column) for column in COLUMNS), pa.array(texts)], schema=SCHEMA)
                )
    unfinished.replace(path)
