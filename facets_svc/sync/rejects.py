"""Rejected rows: their schema, the file that they are written to, and their counts by reason."""

from __future__ import annotations

import collections
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from facets_svc.lake import files
from facets_svc.sync.batches import RawBatch
from facets_svc.sync.clean_arrays import is_list, is_text, plain
from facets_svc.sync.clean_values import Flaw
from facets_svc.sync.report import EXAMPLES, Example

REJECTS_FILE: Final = "rejects.parquet"
"""Name of the file of rejected rows, in a snapshot and in the folder of a refused job."""

MAX_REJECTS_BYTES: Final = 128 * 2**20
"""Approximate limit of the compressed bytes of rejected rows that a refused job leaves. The report counts all rows."""

REJECTS: Final = pa.schema(
    [
        pa.field("reason", pa.string(), nullable=False),
        pa.field("column", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("id", pa.string()),
        pa.field("record", pa.string()),
    ]
)
"""A rejected row: the reason, the column, the location (`row` from 1), and the row itself as JSON or as its line."""

_MAX_DETAIL = 200


class Rejects:
    """Writes rejected rows to a file, counts them by reason, and remembers the first few of each reason."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer
        self._counts: collections.Counter[str] = collections.Counter()
        self._examples: dict[str, tuple[Example, ...]] = {}

    def add(self, rejects: pa.Table) -> None:
        """Write a table of the schema `REJECTS`, of any length, and count its rows."""
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
        """The number of rows of each reason, sorted by reason."""
        return dict(sorted(self._counts.items()))

    @property
    def examples(self) -> dict[str, tuple[Example, ...]]:
        """The first `EXAMPLES` rows of each reason, sorted by reason."""
        return dict(sorted(self._examples.items()))


def rejected_rows(raw: RawBatch, flaws: Mapping[int, tuple[str, Flaw]], ids: pa.StringArray) -> pa.RecordBatch:
    """Return the rejected rows of a batch, of the schema `REJECTS`, in ascending order of `row`.

    They are the unread rows of `raw` and its rows with `flaws`: by position in the batch, the column and its flaw.
    `ids` has the cleaned id of each parsed row of `raw`, or null.
    """
    rejects: list[dict[str, object]] = [
        {
            "reason": unread.reason,
            "detail": unread.detail[:_MAX_DETAIL],
            "file": raw.file,
            "row": unread.row,
            "record": unread.raw.decode(errors="backslashreplace").replace("\0", "\\x00"),
        }
        for unread in raw.unread
    ]
    rejects += [
        {
            "reason": flaw.reason,
            "column": column,
            "detail": flaw.detail[:_MAX_DETAIL],
            "file": raw.file,
            "row": int(raw.numbers[row]),
            "id": ids[row].as_py(),
            "record": _as_json(raw, row),
        }
        for row, (column, flaw) in flaws.items()
    ]
    rejects.sort(key=lambda reject: reject["row"])  # type: ignore[arg-type, return-value]
    return pa.RecordBatch.from_pylist(rejects, schema=REJECTS)


def cut(path: Path) -> Path:
    """Truncate a file of rejected rows after the row group that exceeds `MAX_REJECTS_BYTES`, and return its path."""
    if path.stat().st_size <= MAX_REJECTS_BYTES:
        return path
    shorter = path.with_name(f"{path.name}.cut")
    size = 0
    with pq.ParquetFile(path) as whole, files.parquet_writer(shorter, REJECTS) as writer:
        for number in range(whole.num_row_groups):
            group = whole.metadata.row_group(number)
            size += sum(group.column(column).total_compressed_size for column in range(group.num_columns))
            writer.write_table(whole.read_row_group(number), row_group_size=files.ROW_GROUP_ROWS)
            if size > MAX_REJECTS_BYTES:
                break
    return shorter.replace(path)


def _example(row: dict[str, Any]) -> Example:
    return Example(file=row["file"], row=row["row"], id=row["id"], column=row["column"], detail=row["detail"])


def _as_json(raw: RawBatch, row: int) -> str | None:
    record = {
        name: column[row] if isinstance(column, list) else _python(column.slice(row, 1))
        for name, column in raw.columns.items()
    }
    try:
        written = json.dumps(record, ensure_ascii=False, default=_as_text)
    except (ValueError, RecursionError):  # an integer of thousands of digits, deeply nested lists
        return None
    return written.encode(errors="backslashreplace").decode()  # in JSON text, \\udcff is the escape of the byte


def _as_text(value: object) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)


def _python(single: pa.Array) -> Any:
    """Return the value of an array of one: text as bytes, and as Arrow's text if Python has no such value."""
    single = plain(single)
    if is_text(single.type):
        single = single.view(pa.binary())
    elif is_list(single.type) and single[0].is_valid:
        items = plain(single.flatten())
        return [_python(items[place : place + 1]) for place in range(len(items))]
    try:
        return single[0].as_py()
    except (ValueError, OverflowError):  # nanoseconds, or a year beyond 9999
        return single.cast(pa.string())[0].as_py()
