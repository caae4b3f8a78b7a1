"""Encodes an answer in memory, in any form, with as many rows as the limits allow."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from facets_svc import csv_text
from facets_svc.analyst.formats import FORMATS, rows_of
from facets_svc.analyst.running import Answer
from facets_svc.analyst.texts import json_encoder, text_of
from facets_svc.errors import QueryError
from facets_svc.sandbox.messages import Column, Limits

_ROWS_AT_ONCE: Final = 1024
_NEVER_FORMULAS: Final = (bool, int, float, Decimal, date, time)
_TOO_MANY_NAMES: Final = "The names of the columns are longer than the limit of an answer."
_ROOM: Final = 0.9
"""The share of the rows that should fit to try next, if an encoded answer is too large."""


@dataclass(slots=True)
class Spooled:
    """An encoded answer: its bytes, the number of its rows, and whether it is truncated."""

    content: bytes
    rows: int
    truncated: bool


def spool(answer: Answer, form: str, limits: Limits) -> Spooled:
    """Read the rows of `answer`, and return as many as are within the limits, encoded.

    Raises `QueryError` if the form cannot represent a type, and the errors of reading the rows.
    """
    try:
        return _FORMS[form](answer, limits)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, ValueError) as error:
        text = " ".join(str(error).split())
        raise QueryError(f"The result cannot be written in this format ({text}); CAST it to VARCHAR.") from None


class _Text:
    """Collects rows as text until one does not fit."""

    def __init__(self, head: bytes, tail: bytes, limits: Limits) -> None:
        self._parts = [head]
        self._room = limits.bytes - len(head) - len(tail)
        if self._room < 0:
            raise QueryError(_TOO_MANY_NAMES)
        self._most = limits.rows
        self.rows = 0
        self.truncated = False

    def add(self, row: bytes) -> bool:
        """Add a row, and return whether it fits."""
        if self.rows == self._most or len(row) > self._room:
            self.truncated = True
            return False
        self._parts.append(row)
        self._room -= len(row)
        self.rows += 1
        return True

    def end(self, tail: bytes = b"") -> Spooled:
        """Return the answer, which ends with `tail`."""
        self._parts.append(tail)
        return Spooled(b"".join(self._parts), self.rows, self.truncated)


def _rows(answer: Answer) -> Iterator[tuple[Any, ...]]:
    for batch in answer.batches:
        for first in range(0, batch.num_rows, _ROWS_AT_ONCE):
            yield from rows_of(batch.slice(first, _ROWS_AT_ONCE))


def _fill(text: _Text, rows: Iterator[bytes]) -> None:
    for row in rows:
        if not text.add(row):
            return


def _json(answer: Answer, limits: Limits) -> Spooled:
    """Encode one object: the columns, the rows as arrays, and, at the end, `truncated`."""
    columns = msgspec.json.encode([Column(column.name, column.type) for column in answer.columns])
    text = _Text(b'{"columns":' + columns + b',"rows":[', b'],"truncated":false}', limits)
    encode = json_encoder.encode
    _fill(text, (encode(row) if number == 0 else b"," + encode(row) for number, row in enumerate(_rows(answer))))
    return text.end(b'],"truncated":' + (b"true}" if text.truncated else b"false}"))


def _json_lines(answer: Answer, limits: Limits) -> Spooled:
    names = [column.name for column in answer.columns]
    text = _Text(b"", b"", limits)
    _fill(text, (json_encoder.encode(dict(zip(names, row, strict=True))) + b"\n" for row in _rows(answer)))
    return text.end()


def _csv(answer: Answer, limits: Limits) -> Spooled:
    """Encode the CSV of every route: names and texts are guarded, numbers and times are not."""
    text = _Text(csv_text.line(csv_text.guarded(column.name) for column in answer.columns), b"", limits)
    _fill(text, (csv_text.line(map(_cell, row)) for row in _rows(answer)))
    return text.end()


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    text = text_of(value)
    return text if isinstance(value, _NEVER_FORMULAS) else csv_text.guarded(text)


def _arrow(answer: Answer, limits: Limits) -> Spooled:
    return _encoded(answer, limits, _arrow_stream)


def _parquet(answer: Answer, limits: Limits) -> Spooled:
    return _encoded(answer, limits, _parquet_file)


def _encoded(answer: Answer, limits: Limits, encode: Callable[[pa.Table], bytes]) -> Spooled:
    """Encode the rows whose values are within the limits; fewer, if encoding makes them too large."""
    table, truncated = _taken(answer, limits)
    content = encode(table)
    while len(content) > limits.bytes and table.num_rows:
        truncated = True
        table = table.slice(0, int(table.num_rows * _ROOM * limits.bytes / len(content)))
        content = encode(table)
    if len(content) > limits.bytes:
        raise QueryError(_TOO_MANY_NAMES)
    return Spooled(content, table.num_rows, truncated)


def _taken(answer: Answer, limits: Limits) -> tuple[pa.Table, bool]:
    batches: list[pa.RecordBatch] = []
    rows = taken_bytes = 0
    truncated = False
    for batch in answer.batches:
        fits = _fitting(batch, min(batch.num_rows, limits.rows - rows), limits.bytes - taken_bytes)
        truncated = fits < batch.num_rows
        if fits:
            taken = batch.slice(0, fits)
            batches.append(taken)
            rows += fits
            taken_bytes += taken.nbytes
        if truncated:
            break
    return pa.Table.from_batches(batches, schema=answer.schema), truncated


def _fitting(batch: pa.RecordBatch, most_rows: int, most_bytes: int) -> int:
    """Return how many of the first `most_rows` rows of `batch` have at most `most_bytes` bytes."""
    sizes = range(most_rows + 1)
    return bisect_right(sizes, most_bytes, key=lambda count: batch.slice(0, count).nbytes) - 1


def _arrow_stream(table: pa.Table) -> bytes:
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue()


def _parquet_file(table: pa.Table) -> bytes:
    stream = io.BytesIO()
    with pq.ParquetWriter(stream, table.schema, compression="zstd", write_page_checksum=True) as writer:
        writer.write_table(table)
    return stream.getvalue()


_FORMS: Final[Mapping[str, Callable[[Answer, Limits], Spooled]]] = {
    "json": _json,
    "jsonl": _json_lines,
    "csv": _csv,
    "arrow": _arrow,
    "parquet": _parquet,
}

MEDIA_TYPES: Final[Mapping[str, str]] = {name: FORMATS[name].media_type for name in _FORMS}
"""The media type of each form, by its name."""
