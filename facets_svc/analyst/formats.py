"""Writes an answer as CSV, JSON, JSON lines, Markdown, Excel, an Arrow stream or Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from facets_svc.analyst.excel import write_workbook
from facets_svc.analyst.running import Answer
from facets_svc.analyst.texts import duration, json_encoder, on_one_line, text_of
from facets_svc.errors import QueryError

Write = Callable[[Answer, Iterator[pa.RecordBatch], BinaryIO], None]


@dataclass(frozen=True, slots=True)
class Format:
    """A format of answers: its name, media type and file endings, and the function that writes it."""

    name: str
    media_type: str
    suffixes: tuple[str, ...]
    is_text: bool
    write: Write


@dataclass(slots=True)
class Written:
    """The number of rows that were written, and whether the answer had more."""

    rows: int = 0
    truncated: bool = False


def write(answer: Answer, format_: Format, stream: BinaryIO, *, max_rows: int | None = None) -> Written:
    """Write `answer` to `stream` batch by batch, and at most `max_rows` rows (None: all).

    Raises `QueryError` if the query fails while it is read, and for a type that the format cannot hold.
    """
    written = Written()
    batches = _counted(answer.batches, written, max_rows)
    try:
        format_.write(answer, batches, stream)
    except (pa.ArrowException, OverflowError, ValueError) as error:
        text = " ".join(str(error).split())
        raise QueryError(f"The result cannot be written as {format_.name} ({text}); CAST it to VARCHAR.") from None
    return written


def _counted(batches: Iterator[pa.RecordBatch], written: Written, most: int | None) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        room = batch.num_rows if most is None else most - written.rows
        written.truncated = batch.num_rows > room
        taken = batch.slice(0, room)
        written.rows += taken.num_rows
        if taken.num_rows:
            yield taken
        if written.truncated:
            return


def rows_of(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of `batch` as tuples of Python values, in the order of its columns.

    Intervals are ISO 8601 texts. So are dates and times that Python's types cannot hold.
    """
    return zip(*(_values(column) for column in batch.columns), strict=True)


def _values(column: pa.Array) -> list[Any]:
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return _moments(column)
    values: list[Any] = column.to_pylist()
    if pa.types.is_interval(column.type):
        return [None if value is None else duration(value) for value in values]
    return values


def _moments(column: pa.Array) -> list[Any]:
    """Return times or dates; infinity, and years outside of 1 to 9999, as texts."""
    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):
        values = [_moment(scalar) for scalar in column]
    return values


def _moment(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError, pa.ArrowException):
        number, kind = scalar.value, scalar.type
    bits = 31 if pa.types.is_date32(kind) else 63
    if abs(number) == 2**bits - 1:
        return "infinity" if number > 0 else "-infinity"
    unit: Any = "D" if pa.types.is_date32(kind) else "ms" if pa.types.is_date64(kind) else kind.unit
    return str(np.datetime64(number, unit)) + ("Z" if pa.types.is_timestamp(kind) and kind.tz else "")


def _csv(answer: Answer, batches: Iterator[pa.RecordBatch], stream: BinaryIO) -> None:
    """Write CSV by RFC 4180 with Unix line ends. Null is an empty cell, an empty text a pair of quotes."""
    stream.write(csv_line([column.name for column in answer.columns]))
    stream.writelines(b"".join(csv_line(row) for row in rows_of(batch)) for batch in batches)


def csv_line(row: Iterable[Any]) -> bytes:
    """Return the values of one row as a line of CSV, in UTF-8 with its line end."""
    return (",".join(_csv_cell(value) for value in row) + "\n").encode("utf-8", errors="replace")


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    text = text_of(value)
    if not text or any(character in text for character in '",\r\n') or text[0] == " " or text[-1] == " ":
        return '"' + text.replace('"', '""') + '"'
    return text


def _json_lines(answer: Answer, batches: Iterator[pa.RecordBatch], stream: BinaryIO) -> None:
    stream.writelines(b"".join(line + b"\n" for line in _objects(answer, batch)) for batch in batches)


def _json(answer: Answer, batches: Iterator[pa.RecordBatch], stream: BinaryIO) -> None:
    before = b"[\n"
    for batch in batches:
        stream.write(before + b",\n".join(_objects(answer, batch)))
        before = b",\n"
    stream.write(b"[]\n" if before == b"[\n" else b"\n]\n")


def _objects(answer: Answer, batch: pa.RecordBatch) -> Iterator[bytes]:
    names = [column.name for column in answer.columns]
    for row in rows_of(batch):
        yield json_encoder.encode(dict(zip(names, row, strict=True)))


def _markdown(answer: Answer, batches: Iterator[pa.RecordBatch], stream: BinaryIO) -> None:
    """Write a table of GitHub Flavored Markdown, with numbers aligned to the right."""
    stream.write(_markdown_line([column.name for column in answer.columns]))
    rules = ["---:" if is_number(field.type) else "---" for field in answer.schema]
    stream.write(f"|{'|'.join(rules)}|\n".encode())
    stream.writelines(b"".join(_markdown_line(row) for row in rows_of(batch)) for batch in batches)


def _markdown_line(row: Iterable[Any]) -> bytes:
    cells = ("" if value is None else on_one_line(text_of(value)).replace("|", "\\|") for value in row)
    return f"| {' | '.join(cells)} |\n".encode("utf-8", errors="replace")


def is_number(type_: pa.DataType) -> bool:
    """Return whether `type_` is an integer, floating-point or decimal type."""
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_))


def _excel(answer: Answer, batches: Iterator[pa.RecordBatch], stream: BinaryIO) -> None:
    names = [column.name for column in answer.columns]
    write_workbook(names, (row for batch in batches for row in rows_of(batch)), stream)


def _arrow(answer: Answer, batches: Iterator[pa.RecordBatch], stream: BinaryIO) -> None:
    _into(pa.ipc.new_stream(stream, answer.schema), batches)


def _parquet(answer: Answer, batches: Iterator[pa.RecordBatch], stream: BinaryIO) -> None:
    _into(pq.ParquetWriter(stream, answer.schema, compression="zstd", write_page_checksum=True), batches)


def _into(opened: AbstractContextManager[Any], batches: Iterator[pa.RecordBatch]) -> None:
    with opened as writer:
        for batch in batches:
            writer.write_batch(batch)


_EXCEL: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

FORMATS: Final[Mapping[str, Format]] = {
    format_.name: format_
    for format_ in (
        Format("csv", "text/csv", (".csv",), is_text=True, write=_csv),
        Format("json", "application/json", (".json",), is_text=True, write=_json),
        Format("jsonl", "application/jsonl", (".jsonl", ".ndjson"), is_text=True, write=_json_lines),
        Format("markdown", "text/markdown", (".md",), is_text=True, write=_markdown),
        Format("xlsx", _EXCEL, (".xlsx",), is_text=False, write=_excel),
        Format("arrow", "application/vnd.apache.arrow.stream", (".arrow", ".arrows"), is_text=False, write=_arrow),
        Format("parquet", "application/vnd.apache.parquet", (".parquet",), is_text=False, write=_parquet),
    )
}
"""The formats, by name."""
