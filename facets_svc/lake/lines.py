"""A file of lines that are read one by one: nothing of another line is read, nor does another's length take time."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from facets_svc.errors import SnapshotCorrupt

_END: Final = b"\n"


def checksum(line: bytes) -> int:
    """Return what is kept of a line to know it again: the CRC-32 of its bytes, without the line feed."""
    return zlib.crc32(line)


def encode(texts: pa.Array) -> tuple[bytes, list[int], list[int]]:
    """Return texts as lines, and by text the bytes of the line, with the line feed, and its checksum."""
    lines = [text.encode() for text in texts.to_pylist()]
    content = b"".join(line + _END for line in lines)
    return content, [len(line) + len(_END) for line in lines], [checksum(line) for line in lines]


class Lines:
    """The lines of the file at `path`, by place; their lengths and checksums are held, and the file is.

    Raises `SnapshotCorrupt` when the file is not as long as its lines are. Any thread may read.
    """

    def __init__(self, path: Path, lengths: npt.NDArray[np.uint32], checksums: npt.NDArray[np.uint32]) -> None:
        self._starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        self._checksums = checksums
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        if os.fstat(self._descriptor).st_size != self._starts[-1]:
            self.close()
            raise SnapshotCorrupt(f"{path.name} is not as long as its lines are.")

    def read(self, places: npt.NDArray[np.integer]) -> Sequence[bytes]:
        """Return some lines. Raises `SnapshotCorrupt` when one is not as it was written, `OSError`."""
        found = []
        for place in places.tolist():
            start, end = self._starts[place : place + 2].tolist()
            line = os.pread(self._descriptor, end - start, start).removesuffix(_END)
            if checksum(line) != self._checksums[place]:
                raise SnapshotCorrupt("A line is not as it was written: its checksum differs.")
            found.append(line)
        return found

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
