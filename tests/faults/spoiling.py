"""Ways to spoil a snapshot, each made from a whole one: what a disk, a copy or a hand may do to it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from facets_svc.lake import Snapshot, files
from facets_svc.lake.manifest import encode
from facets_svc.lake.snapshot import MANIFEST

TAIL: Final = 8
"""The last bytes of a Parquet file: the length of its footer, and `PAR1`."""


@dataclass(frozen=True, slots=True)
class Spoiling:
    """One way: of which kind it is, the file that it hits, and how.

    Where the files and the manifest agree afterwards, only a reader of the missing part fails.
    """

    kind: str
    path: str
    spoil: Callable[[Snapshot], None]
    agrees: bool = False

    @property
    def is_seen_when_opened(self) -> bool:
        """Whether opening for serving must refuse it: it reads the index alone. Verifying reads everything."""
        return self.path == MANIFEST or self.path.startswith("index/")

    def __str__(self) -> str:
        return f"{self.kind}: {self.path}"


def spoilings(snapshot: Snapshot, chosen: random.Random, *, flips: int) -> Iterator[Spoiling]:
    """Yield every kind for every file of a snapshot like this one; `flips` flipped bits for each file."""
    for path in (MANIFEST, *(entry.path for entry in snapshot.entries())):
        size = (snapshot.path / path).stat().st_size
        footer = footer_bytes(snapshot.path / path)
        for place in chosen.sample(range(size), min(flips, size)):
            where = "a footer" if place >= size - footer else "a page"
            yield Spoiling(f"a flipped bit in {where}", path, flipped(path, place, chosen.randrange(8)))
        for kept in sorted({0, 1, size // 2, max(size - TAIL, 0), size - 1, chosen.randrange(size)}):
            yield Spoiling("a truncated file", path, cut(path, kept))
        for first in (size // 2, chosen.randrange(size)):
            yield Spoiling("zero bytes", path, zeroed(path, first))
        yield Spoiling("a byte too much", path, rewritten(path, lambda content: content + b"\0"))
        yield Spoiling("a missing file", path, missing(path))
        yield Spoiling("a folder for a file", path, folder(path))
    index = [entry.path for entry in snapshot.entries("index/")]
    other = next(entry.path for entry in snapshot.entries("models/"))
    for path in index:
        yield Spoiling("swapped files", path, swapped(path, other))
        yield Spoiling("a file without an entry", path, without_entry(path), agrees=True)
    for path in (*index, *(entry.path for entry in snapshot.entries("models/"))):
        if path.endswith(".parquet"):
            yield Spoiling("Brotli pages that the manifest agrees to", path, brotli(path))
    yield Spoiling("a manifest of a newer format", MANIFEST, newer)
    yield Spoiling("a manifest of another snapshot", MANIFEST, renamed)
    yield Spoiling("a manifest with an unknown field", MANIFEST, rewritten(MANIFEST, with_field))


def with_field(content: bytes) -> bytes:
    return content.replace(b"{", b'{"a": 1,', 1)


def footer_bytes(path: Path) -> int:
    """The bytes of a Parquet file's footer, with its length and magic; 0 for another file."""
    tail = path.read_bytes()[-TAIL:]
    return int.from_bytes(tail[:4], "little") + TAIL if tail[4:] == b"PAR1" else 0


def rewritten(path: str, change: Callable[[bytes], bytes]) -> Callable[[Snapshot], None]:
    def spoil(snapshot: Snapshot) -> None:
        file = snapshot.path / path
        content = file.read_bytes()
        spoiled = change(content)
        # Zeros over zeros are no fault: then the first byte is another one.
        file.write_bytes(spoiled if spoiled != content else bytes([content[0] ^ 1]) + content[1:])

    return spoil


def flipped(path: str, place: int, bit: int) -> Callable[[Snapshot], None]:
    def flip(content: bytes) -> bytes:
        place_now = min(place, len(content) - 1)
        return content[:place_now] + bytes([content[place_now] ^ 1 << bit]) + content[place_now + 1 :]

    return rewritten(path, flip)


def cut(path: str, kept: int) -> Callable[[Snapshot], None]:
    return rewritten(path, lambda content: content[: min(kept, len(content) - 1)])


def zeroed(path: str, first: int) -> Callable[[Snapshot], None]:
    def change(content: bytes) -> bytes:
        return content[:first] + bytes(min(512, len(content) - first)) + content[first + 512 :]

    return rewritten(path, change)


def missing(path: str) -> Callable[[Snapshot], None]:
    return lambda snapshot: (snapshot.path / path).unlink()


def folder(path: str) -> Callable[[Snapshot], None]:
    def spoil(snapshot: Snapshot) -> None:
        (snapshot.path / path).unlink()
        (snapshot.path / path).mkdir()

    return spoil


def swapped(path: str, other: str) -> Callable[[Snapshot], None]:
    def spoil(snapshot: Snapshot) -> None:
        one, two = snapshot.path / path, snapshot.path / other
        mine = one.read_bytes()
        one.write_bytes(two.read_bytes())
        two.write_bytes(mine)

    return spoil


def brotli(path: str) -> Callable[[Snapshot], None]:
    """Write the same rows with Brotli, and a manifest that agrees: only a look at the codec finds it."""

    def spoil(snapshot: Snapshot) -> None:
        file = snapshot.path / path
        with pq.ParquetFile(file) as parquet:
            table: pa.Table = parquet.read()
        pq.write_table(table, file, compression="brotli", write_page_checksum=True)
        entries = tuple(
            files.describe(snapshot.path, file) if entry.path == path else entry for entry in snapshot.manifest.files
        )
        agree(snapshot, files=entries)

    return spoil


def without_entry(path: str) -> Callable[[Snapshot], None]:
    def spoil(snapshot: Snapshot) -> None:
        agree(snapshot, files=tuple(entry for entry in snapshot.manifest.files if entry.path != path))

    return spoil


def newer(snapshot: Snapshot) -> None:
    agree(snapshot, format=snapshot.manifest.format + 1)


def renamed(snapshot: Snapshot) -> None:
    agree(snapshot, id="20200101T000000Z-0000")


def agree(snapshot: Snapshot, **changes: object) -> None:
    """Write the manifest anew with these fields, and with a checksum that fits them."""
    (snapshot.path / MANIFEST).write_bytes(encode(msgspec.structs.replace(snapshot.manifest, **changes)))
