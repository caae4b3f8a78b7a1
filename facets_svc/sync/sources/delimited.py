"""Reads CSV files (RFC 4180): a header, commas, and double quotes around cells with special characters."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from facets_svc.catalogue import RECORD
from facets_svc.errors import DataRefused, SourceError
from facets_svc.sync.batches import MAX_BATCH_BYTES, MAX_BATCH_ROWS, RawBatch, UnreadRow
from facets_svc.sync.sources.files import MAX_LINE_BYTES, read_lines

_CELL: Final = re.compile(rb'(?:"([^"]*(?:""[^"]*)*)"|([^",]*))(,|\Z)')


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a CSV file: its first line, from 1, and its cells. None: it is malformed, and `raw` is that line."""

    line: int
    cells: list[bytes] | None
    raw: bytes
    size_bytes: int


class DelimitedSource:
    """The rows of `.csv` files, plain or gzipped, each with its own header."""

    def __init__(self, label: str, files: Sequence[Path]) -> None:
        self.label = label
        self._files = files
        self.total_bytes: int | None = sum(file.stat().st_size for file in files)

    def batches(self) -> Iterator[RawBatch]:
        """Yield the rows, ignoring blank lines.

        Raises `SourceError` for a file without a header in UTF-8, `DataRefused` for a repeated column of the record.
        """
        for file in self._files:
            rows = read_rows(file)
            header = next(rows, None)
            names = _header(file, header)
            size_bytes = 0 if header is None else header.size_bytes
            batch: list[Row] = []
            held = 0
            for row in rows:
                batch.append(row)
                held += len(row.raw)
                size_bytes += row.size_bytes
                if len(batch) >= MAX_BATCH_ROWS or held >= MAX_BATCH_BYTES:
                    yield _batch(file, names, batch, size_bytes)
                    batch, held, size_bytes = [], 0, 0
            yield _batch(file, names, batch, size_bytes)


def _header(file: Path, header: Row | None) -> list[str]:
    if header is None:
        raise SourceError(f"{file} is empty: a CSV file starts with a line of column names.")
    try:
        names = [cell.decode().strip() for cell in header.cells or ()]
    except UnicodeDecodeError:
        names = []
    if not names or any("\0" in name for name in names):
        raise SourceError(
            f"{file} does not start with a line of column names in UTF-8, although its ending is that of CSV."
        )
    twice = sorted({name for name in names if name in RECORD.names and names.count(name) > 1})
    if twice:
        raise DataRefused(f"{file}: the column {', '.join(twice)} occurs more than once.")
    return names


def _batch(file: Path, names: list[str], rows: list[Row], size_bytes: int) -> RawBatch:
    read: list[tuple[int, list[bytes]]] = []
    unread: list[UnreadRow] = []
    for row in rows:
        if row.cells is not None and len(row.cells) == len(names):
            read.append((row.line, row.cells))
            continue
        if len(row.raw) > MAX_LINE_BYTES:
            detail = f"longer than {MAX_LINE_BYTES} bytes"
        elif row.cells is None:
            detail = "an unpaired double quote"
        else:
            detail = f"{len(row.cells)} cells where the header has {len(names)}"
        unread.append(UnreadRow(row=row.line, reason="bad_line", detail=detail, raw=row.raw))
    columns = zip(*(cells for _, cells in read), strict=True) if read else ((),) * len(names)
    return RawBatch(
        file=str(file),
        numbers=np.array([line for line, _ in read], np.int64),
        columns={
            name: [cell.decode(errors="surrogateescape") or None for cell in column]
            for name, column in zip(names, columns, strict=True)
            if name in RECORD.names
        },
        has_header=True,
        unknown=frozenset({*names} - {*RECORD.names}),
        unread=tuple(unread),
        size_bytes=size_bytes,
    )


def read_rows(file: Path) -> Iterator[Row]:
    """Yield the rows of a CSV file; a quoted cell may contain line feeds.

    Of a malformed row, only the first line is lost: reading continues with the second. Otherwise, a stray quote would
    swallow everything up to the next one.
    """
    lines = _Queue(file)
    while (line := lines.pop()) is not None:
        start, size_bytes = lines.number, lines.take_size()
        if b'"' not in line:
            plain = line.removesuffix(b"\r")
            if plain.strip():
                yield Row(start, None if len(line) > MAX_LINE_BYTES else plain.split(b","), plain, size_bytes)
            continue
        parts = [line]
        quotes, length = line.count(b'"'), len(line)
        while quotes % 2 and length <= MAX_LINE_BYTES and (more := lines.pop()) is not None:
            parts.append(more)
            quotes += more.count(b'"')
            length += len(more) + 1
        raw = b"\n".join(parts).removesuffix(b"\r")
        cells = None if quotes % 2 or length > MAX_LINE_BYTES else _cells(raw)
        if cells is None:
            lines.push_back(parts[1:])
            raw = line
        yield Row(start, cells, raw, size_bytes + lines.take_size())


def _cells(raw: bytes) -> list[bytes] | None:
    """Return the cells of a row; None if it is malformed."""
    cells = []
    position = 0
    while True:
        match = _CELL.match(raw, position)
        if match is None:
            return None
        quoted, bare, comma = match.groups()
        cells.append(bare if quoted is None else quoted.replace(b'""', b'"'))
        position = match.end()
        if not comma:
            return cells


class _Queue:
    """The lines of a file, one by one; lines can be put back."""

    def __init__(self, file: Path) -> None:
        self._blocks = read_lines(file)
        self._waiting: deque[bytes] = deque()
        self._size_bytes = 0
        self.number = 0
        """The number of the line that `pop` returned last."""

    def pop(self) -> bytes | None:
        while not self._waiting:
            block = next(self._blocks, None)
            if block is None:
                return None
            self._waiting.extend(block.lines)
            self._size_bytes += block.size_bytes
        self.number += 1
        return self._waiting.popleft()

    def push_back(self, lines: list[bytes]) -> None:
        self._waiting.extendleft(reversed(lines))
        self.number -= len(lines)

    def take_size(self) -> int:
        """Return the number of bytes read since the last call."""
        size, self._size_bytes = self._size_bytes, 0
        return size
