"""Rejected rows: kept aside with their reason and place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from facets_svc.sync.batches import RawBatch
from facets_svc.sync.clean_arrays import is_list, is_text, plain
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
    record = {
        name: column[row] if isinstance(column, list) else _python(column.slice(row, 1))
        for name, column in raw.columns.items()
    }
    try:
        written = json.dumps(record, ensure_ascii=False, default=_as_text)
    except (ValueError, RecursionError):  # an integer of thousands of digits, lists in lists in lists
        return None
    return written.encode(errors="backslashreplace").decode()  # inside JSON text, \\udcff is the escape it should be


def _as_text(value: object) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)


def _python(single: Any) -> Any:
    """Return the one value of an array, text as bytes, and what Python has no value for as Arrow writes it."""
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
