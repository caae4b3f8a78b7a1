"""The interface of sources: batches of raw rows, column by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

MAX_BATCH_ROWS: Final = 65_536
"""Most rows of a batch."""

MAX_BATCH_BYTES: Final = 32 * 2**20
"""Approximate limit of the bytes of a batch in its source: a batch ends with the row that exceeds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadRow:
    """A row that could not be parsed: its number from 1, the reason, a few words of detail, and its bytes."""

    row: int
    reason: str
    detail: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RawBatch:
    """Some consecutive rows of one file.

    `columns` has the columns of the record that the rows have, by name: an Arrow array if the format has types, else a
    list of Python values, in which text that is not UTF-8 has surrogates (`surrogateescape`). `numbers` has the number
    of each row in `file`, from 1, ascending: its line in a text file, else its row. All columns and `numbers` have one
    length. `unknown` names the columns that the record does not have. With `has_header`, a missing column is missing
    from the whole file; JSON lines have no header. `unread` are the rows that could not be parsed. `size_bytes` is the
    part of the source's `total_bytes` that was read for this batch.
    """

    file: str
    numbers: npt.NDArray[np.int64]
    columns: Mapping[str, Any]
    has_header: bool
    unknown: frozenset[str] = frozenset()
    unread: tuple[UnreadRow, ...] = ()
    size_bytes: int = 0

    @property
    def rows(self) -> int:
        """The number of parsed rows, without the unread ones."""
        return len(self.numbers)


@dataclass(frozen=True, slots=True)
class FilesOf:
    """The files of a source: the number of files to read, and the paths of skipped ones by reason."""

    read: int
    skipped: Mapping[str, Sequence[str]]


@runtime_checkable
class OfFiles(Protocol):
    """A source of files."""

    @property
    def files(self) -> FilesOf | None:
        """The files of the source; None if it is a database."""


def described_columns(raw: RawBatch) -> str:
    """Return a sentence with the names of a batch's columns, and the separator if it does not seem to be a comma."""
    names = sorted({*raw.columns} | raw.unknown)
    shown = ", ".join(name.encode(errors="backslashreplace").decode()[:100] for name in names[:20])
    sentence = f"The columns are: {shown}{', …' if len(names) > 20 else ''}."
    if len(names) == 1:
        for separator, written in ((";", ";"), ("\t", "a tab"), ("|", "|")):
            if separator in names[0]:
                return f"{sentence} The separator seems to be {written}, but CSV needs commas."
    return sentence


class Source(Protocol):
    """A catalogue to read. Its rows are sorted by path, then by row: the reading order."""

    @property
    def label(self) -> str:
        """The name of the source in messages, without credentials."""

    @property
    def total_bytes(self) -> int | None:
        """The number of bytes to read, if it is cheap to determine."""

    def batches(self) -> Iterator[RawBatch]:
        """Yield the rows of the source from its start, in bounded memory.

        Raises `SourceError` if a file cannot be read or is of another format, `DataRefused` if columns are ambiguous.
        """
