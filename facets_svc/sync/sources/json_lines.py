"""Reads JSON lines: one object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from facets_svc.catalogue import RECORD
from facets_svc.errors import SourceError
from facets_svc.sync.batches import MAX_BATCH_BYTES, MAX_BATCH_ROWS, RawBatch, UnreadRow
from facets_svc.sync.sources.files import MAX_LINE_BYTES, read_lines

_RECORD = frozenset(RECORD.names)
_decode = msgspec.json.Decoder().decode


class JsonLinesSource:
    """The rows of `.jsonl` and `.ndjson` files, plain or gzipped."""

    def __init__(self, label: str, files: Sequence[Path]) -> None:
        self.label = label
        self._files = files
        self.total_bytes: int | None = sum(file.stat().st_size for file in files)

    def batches(self) -> Iterator[RawBatch]:
        """Yield the rows, ignoring blank lines. Raises `SourceError` for a binary file."""
        for file in self._files:
            batch = _Batch(str(file))
            is_first = True
            for block in read_lines(file):
                batch.size_bytes += block.size_bytes
                for number, line in enumerate(block.lines, block.first):
                    batch.add(number, line)
                    if batch.is_full:
                        yield batch.take(refuse_binary=is_first)
                        is_first = False
            yield batch.take(refuse_binary=is_first)


class _Batch:
    """Collects the rows of the next batch."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._start()

    def _start(self) -> None:
        self._numbers: list[int] = []
        self._objects: list[dict[str, Any]] = []
        self._unread: list[UnreadRow] = []
        self._line_bytes = 0
        self.size_bytes = 0

    @property
    def is_full(self) -> bool:
        return len(self._numbers) + len(self._unread) >= MAX_BATCH_ROWS or self._line_bytes >= MAX_BATCH_BYTES

    def add(self, number: int, line: bytes) -> None:
        self._line_bytes += len(line)
        try:
            value = _decode(line)
        except (ValueError, RecursionError):  # msgspec's errors are ValueErrors too
            if line.strip():
                self._add_odd(number, line)
            return
        if type(value) is dict:
            self._numbers.append(number)
            self._objects.append(value)
        else:
            self._lose(number, line, "bad_line", "not a JSON object")

    def _add_odd(self, number: int, line: bytes) -> None:
        """Add a line that only Python's json accepts (NaN, lone surrogates), or add it as unread with the reason."""
        if len(line) > MAX_LINE_BYTES:
            return self._lose(number, line, "bad_line", f"longer than {MAX_LINE_BYTES} bytes")
        try:
            value = json.loads(line.decode())
        except UnicodeDecodeError as error:
            return self._lose(number, line, "bad_text", f"not UTF-8 at byte {error.start} of the line")
        except (ValueError, RecursionError) as error:
            return self._lose(number, line, "bad_line", f"not JSON: {error}")
        if not isinstance(value, dict):
            return self._lose(number, line, "bad_line", "not a JSON object")
        self._numbers.append(number)
        self._objects.append(value)
        return None

    def _lose(self, number: int, line: bytes, reason: str, detail: str) -> None:
        self._unread.append(UnreadRow(row=number, reason=reason, detail=detail, raw=line))

    def take(self, *, refuse_binary: bool) -> RawBatch:
        """Return the batch, and start the next one. Raises `SourceError` if the file turns out to be binary."""
        if refuse_binary and self._unread and not self._objects and any(b"\0" in lost.raw for lost in self._unread):
            raise SourceError(f"{self._file} is binary, although its ending is that of JSON lines.")
        keys = set().union(*self._objects)
        batch = RawBatch(
            file=self._file,
            numbers=np.array(self._numbers, np.int64),
            columns={name: [row.get(name) for row in self._objects] for name in RECORD.names if name in keys},
            has_header=False,
            unknown=frozenset(keys - _RECORD),
            unread=tuple(self._unread),
            size_bytes=self.size_bytes,
        )
        self._start()
        return batch
