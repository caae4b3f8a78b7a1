"""What passes from a source to cleaning: batches of raw rows, column by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

MAX_BATCH_ROWS: Final = 65_536
"""Rows of a batch, at most."""

MAX_BATCH_BYTES: Final = 32 * 2**20
"""Bytes of a batch in its source, about: a batch ends with the row that passes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadRow:
    """A row that was lost while its file was parsed: its 1-based place, the reason, what was wrong, and its bytes."""

    row: int
    reason: str
    detail: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RawBatch:
    """Some rows of one file as its format delivers them.

    `columns` holds record columns only, by name, all of the same length: an Arrow array where the format has types, a
    list of Python values otherwise (text that was no UTF-8 carries surrogates, as by `surrogateescape`). `numbers` is
    the 1-based place of every row in `file`: its line in a text file, its row elsewhere. `unknown` names the columns
    that the record does not have. `has_header` tells that a column which is not here is absent from the whole file;
    JSON lines cannot know. `unread` are the rows lost in parsing; `size_bytes` is how much of the source's
    `total_bytes` was read for this batch.
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
        """How many rows were parsed; the unread ones are not among them."""
        return len(self.numbers)


@dataclass(frozen=True, slots=True)
class FilesOf:
    """The files of a source: how many there are to read, and those that are skipped, by why."""

    read: int
    skipped: Mapping[str, Sequence[str]]


@runtime_checkable
class OfFiles(Protocol):
    """A source of files."""

    @property
    def files(self) -> FilesOf | None:
        """Which files there are; None if the source is a database."""


def described_columns(raw: RawBatch) -> str:
    """Return the columns that were read, for a sentence, with a guess at what separates them if it is no comma."""
    names = sorted({*raw.columns} | raw.unknown)
    shown = ", ".join(name.encode(errors="backslashreplace").decode()[:100] for name in names[:20])
    sentence = f"The columns are: {shown}{', …' if len(names) > 20 else ''}."
    if len(names) == 1:
        for separator, written in ((";", ";"), ("\t", "a tab"), ("|", "|")):
            if separator in names[0]:
                return f"{sentence} The separator seems to be {written}, but CSV needs commas."
    return sentence


class Source(Protocol):
    """A catalogue to read. Its rows come in reading order: sorted path, then row."""

    @property
    def label(self) -> str:
        """What may be shown and logged: never a credential."""

    @property
    def total_bytes(self) -> int | None:
        """How many bytes there are to read, where that is cheap to know."""

    def batches(self) -> Iterator[RawBatch]:
        """Read the source from its start, a batch at a time; memory stays bounded whatever its size.

        Raises `SourceError` when a file cannot be read or is not what it says, `DataRefused` when its columns are
        ambiguous.
        """
