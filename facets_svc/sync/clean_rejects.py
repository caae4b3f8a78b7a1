"""Rejected rows: kept aside with their reason and place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from facets_svc.sync.batches import RawBatch
from facets_svc.sync.clean_arrays import is_text, plain
from facets_svc.sync.clean_values import Flaw

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
"""A rejected row: why, which column, where, and what there was (as JSON, or as the line itself)."""

_MAX_DETAIL = 200


def rejected_rows(raw: RawBatch, flaws: Mapping[int, tuple[str, Flaw]], ids: Any) -> Any:
    """Return the rejected rows of a batch, by their places in the file."""
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


def _as_json(raw: RawBatch, row: int) -> str | None:
    record = {name: _raw_value(column, row) for name, column in raw.columns.items()}
    try:
        written = json.dumps(record, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):  # an integer of thousands of digits, lists in lists in lists
        return None
    return written.encode(errors="backslashreplace").decode()  # inside JSON text, \\udcff is the escape it should be


def _raw_value(column: Any, row: int) -> Any:
    if isinstance(column, list):
        value = column[row]
    else:
        value = plain(column.slice(row, 1))
        if is_text(value.type):
            value = value.view(pa.binary())
        try:
            value = value[0].as_py()
        except (ValueError, OverflowError, pa.ArrowException):
            value = str(value[0])
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
