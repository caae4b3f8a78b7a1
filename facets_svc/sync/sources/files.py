"""Finds the files of a source, and reads their lines in blocks."""

from __future__ import annotations

import glob
import gzip
import os
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final
from urllib.parse import unquote

from facets_svc.errors import SourceError

BLOCK_BYTES: Final = 2**20
"""Bytes of one read from a file."""

MAX_LINE_BYTES: Final = 16 * 2**20
"""Most bytes of a line. A longer line is truncated, and not a row."""

_MAGIC: Final = {
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "compressed by gzip",
    b"SQLite format 3\0": "a SQLite database",
    b"PK\x03\x04": "a ZIP archive",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"\xfd7zXZ\0": "compressed by xz",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
    b"ARROW1\0\0": "an Arrow file",
}
_HIDDEN = (".", "_")

# The reasons for skipping a file or folder of a source
HIDDEN_FILE: Final = "name starts with a dot or an underscore"
HIDDEN_FOLDER: Final = "folder whose name starts with a dot or an underscore"
LINK_UP: Final = "link to a folder above"
OTHER_ENDING: Final = "unknown ending"

_NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"


def find(location: str, *, endings: Collection[str]) -> tuple[str, list[Path], dict[str, list[str]]]:
    """Return the ending of all files at `location`, their paths, sorted, and the skipped paths by reason.

    `location` is a file, a folder, or a glob that matches files and folders. A folder stands for all files below it,
    also through links. Skipped are files of unknown endings, and files and folders whose names start with a dot or an
    underscore. Raises `SourceError` if there is no file, or files of several formats.
    """
    path = Path(location)
    skipped: dict[str, list[str]] = {}
    if path.is_dir():
        found = sorted(_usable(path, endings, skipped))
        if not found:
            raise SourceError(f"{location} has no file that ends in {_listed(endings)}.")
    elif path.exists():
        found = [location]
    elif not glob.has_magic(location):
        raise SourceError(f"The file or folder {location} does not exist.")
    else:
        found = _matching(location, endings, skipped)
        if not found:
            raise SourceError(f"No file matches {location}.")
    kinds = {}
    for file in found:
        ending = _ending(file, endings)
        if ending is None:
            raise SourceError(f"{file} does not end in {_listed(endings)}, so its format is unknown.")
        kinds[ending] = file
    if len({ending.replace(".ndjson", ".jsonl") for ending in kinds}) > 1:
        raise SourceError(f"{location} mixes formats: {', '.join(sorted(kinds.values()))}.")
    for file in found:
        _look_at(file)
    return next(iter(kinds)), [Path(file) for file in found], {why: files for why, files in skipped.items() if files}


def _matching(location: str, endings: Collection[str], skipped: dict[str, list[str]]) -> list[str]:
    """Return the files that a glob matches and those below folders that it matches, sorted, without repeats."""
    matches = [Path(match) for match in glob.glob(location, recursive=True)]  # noqa: PTH207 - it may be absolute
    found = {str(match) for match in matches if not match.is_dir()}
    for match in matches:
        if match.is_dir():
            found.update(_usable(match, endings, skipped))
    for why, files in skipped.items():
        skipped[why] = sorted({*files} - found)
    return sorted(found)


def _usable(folder: Path, endings: Collection[str], skipped: dict[str, list[str]]) -> Iterator[str]:
    for file in _below(folder, skipped):
        if _ending(file, endings):
            yield file
        else:
            skipped.setdefault(OTHER_ENDING, []).append(file)


def _below(folder: Path, skipped: dict[str, list[str]]) -> Iterator[str]:
    """Yield all files below a folder, also through links, unless they lead to a folder above."""

    def refuse(error: OSError) -> None:
        raise SourceError(f"{error.filename} cannot be read: {error.strerror}.")

    for parent, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        above = {os.path.realpath(parent), *map(str, Path(os.path.realpath(parent)).parents)}
        usable = []
        for name in sorted(folders):
            path = str(Path(parent, name))
            if name.startswith(_HIDDEN):
                skipped.setdefault(HIDDEN_FOLDER, []).append(path)
            elif os.path.realpath(path) in above:
                skipped.setdefault(LINK_UP, []).append(path)
            else:
                usable.append(name)
        folders[:] = usable
        for name in names:
            if name.startswith(_HIDDEN):
                skipped.setdefault(HIDDEN_FILE, []).append(str(Path(parent, name)))
            elif not Path(parent, name).exists():
                raise SourceError(f"{Path(parent, name)} is a link to a file or folder that does not exist.")
            else:
                yield str(Path(parent, name))


def _ending(file: str, endings: Collection[str]) -> str | None:
    name = file.lower().removesuffix(".gz")
    ending = next((ending for ending in endings if name.endswith(ending)), None)
    return None if ending == ".parquet" and file.lower().endswith(".gz") else ending


def _listed(endings: Collection[str]) -> str:
    return ", ".join(ending if ending == ".parquet" else f"{ending}, {ending}.gz" for ending in endings)


def _look_at(file: str) -> None:
    """Raise `SourceError` if a file cannot be opened, or its first bytes do not fit the format of its name."""
    try:
        with Path(file).open("rb") as opened:
            start = opened.read(16)
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror}.") from None
    name = file.lower()
    expected = b"PAR1" if name.endswith(".parquet") else b"\x1f\x8b" if name.endswith(".gz") else None
    if expected is not None and not start.startswith(expected):
        raise SourceError(f"{file} is not {_MAGIC[expected]}, although its ending says so.")
    if expected is None:
        refuse_binary(file, start)


def refuse_binary(file: str, start: bytes) -> None:
    """Raise `SourceError` if the `start` of a text file is that of a known binary format."""
    for magic, kind in _MAGIC.items():
        if start.startswith(magic):
            raise SourceError(f"{file} is {kind}, although its ending is that of text in UTF-8.")


def folder_values(file: Path) -> dict[str, str | None]:
    """Return the values in the folder names of a hive-partitioned path (`…/org=meta/part.parquet`), by column."""
    pairs = [folder.partition("=") for folder in file.parts[:-1] if "=" in folder]
    return {name: None if value == _NULL_FOLDER else unquote(value) for name, _, value in pairs}


@dataclass(frozen=True, slots=True)
class Lines:
    """Some consecutive lines of a file, without line feeds.

    `first` is the number of the first line, from 1, `size_bytes` the bytes of the file that were read for them. A line
    of more than `MAX_LINE_BYTES` is truncated to one byte more than that.
    """

    first: int
    lines: list[bytes]
    size_bytes: int


def read_lines(file: Path) -> Iterator[Lines]:
    """Yield the lines of a text file, in order, without a byte order mark; `.gz` files are decompressed.

    Raises `SourceError` if the file cannot be read, or is binary.
    """
    first, rest, position = 1, b"", 0
    with _reading(file) as (raw, stream):
        block = stream.read(BLOCK_BYTES)
        refuse_binary(str(file), block[:16])
        block = block.removeprefix(b"\xef\xbb\xbf")
        while block:
            lines = block.split(b"\n")
            if len(rest) <= MAX_LINE_BYTES:
                rest = (rest + lines[0])[: MAX_LINE_BYTES + 1]
            if len(lines) > 1:
                lines[0], rest = rest, lines.pop()
                before, position = position, raw.tell()
                yield Lines(first, lines, position - before)
                first += len(lines)
            block = stream.read(BLOCK_BYTES)
        if rest:
            yield Lines(first, [rest], raw.tell() - position)


@contextmanager
def _reading(file: Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Open a file, and yield the file and the stream of its decompressed bytes."""
    try:
        with file.open("rb") as raw:
            if file.name.lower().endswith(".gz"):
                with gzip.open(raw) as stream:
                    yield raw, stream  # type: ignore[misc]
            else:
                yield raw, raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SourceError(f"{file} is truncated or damaged: {error}.") from None
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror or error}.") from None
