"""Counting what is rejected while it is written down."""

from __future__ import annotations

import collections
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from facets_svc.lake import files
from facets_svc.sync.report import EXAMPLES, Example


class Rejects:
    """Writes rejected rows (schema `clean.REJECTS`), counts them by reason, and keeps the first few as examples."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer
        self._counts: collections.Counter[str] = collections.Counter()
        self._examples: dict[str, tuple[Example, ...]] = {}

    def add(self, rejects: pa.Table) -> None:
        """Take some more."""
        if not rejects.num_rows:
            return
        self._writer.write_table(rejects, row_group_size=files.ROW_GROUP_ROWS)
        for counted in pc.value_counts(rejects.column("reason")).to_pylist():
            reason = counted["values"]
            self._counts[reason] += counted["counts"]
            wanted = EXAMPLES - len(self._examples.get(reason, ()))
            if wanted:
                rows = rejects.filter(pc.equal(rejects.column("reason"), reason)).slice(0, wanted)
                self._examples[reason] = (*self._examples.get(reason, ()), *map(_example, rows.to_pylist()))

    @property
    def counts(self) -> dict[str, int]:
        """Rows by reason."""
        return dict(sorted(self._counts.items()))

    @property
    def examples(self) -> dict[str, tuple[Example, ...]]:
        """The first rows of every reason."""
        return dict(sorted(self._examples.items()))


def _example(row: dict[str, Any]) -> Example:
    return Example(file=row["file"], row=row["row"], id=row["id"], column=row["column"], detail=row["detail"])
