"""The manifest of a snapshot: what it holds, file by file."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec

from facets_svc import __version__
from facets_svc.errors import SnapshotCorrupt, SnapshotFormat

FORMAT: Final = 2
"""The version of a snapshot's format: what the files are, and what their columns mean."""

OLDEST_FORMAT: Final = 1
"""The oldest format whose manifest and records can still be read: compared with, listed, pruned. Its index cannot."""

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding JSON raises for bytes that are not what they should be: not in shape, in encoding, or in depth."""

_ID = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{4}")
_ID_TIME: Final = "%Y%m%dT%H%M%SZ"

_WITHIN: Final = r"^(?!\.\.?(/|$))[^/\x00]+(/(?!\.\.?(/|$))[^/\x00]+)*$"
"""A path that stays within the snapshot, whoever wrote the manifest."""

Count = Annotated[int, msgspec.Meta(ge=0)]


class FileEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file: its path within the snapshot, its size, the SHA-256 of its bytes in hex, and, of Parquet, its rows."""

    path: Annotated[str, msgspec.Meta(pattern=_WITHIN)]
    rows: Count | None = None
    bytes: Count
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a snapshot holds.

    `source` is safe to show, `writer` names the versions that wrote the files, `facet_values` counts the distinct
    values by response key, `rejected` the rows by reason. `checksum` is the SHA-256 of the manifest without it.
    """

    format: int = FORMAT
    id: str
    created_at: datetime
    source: str
    writer: str
    models: Count
    public_models: Count
    orgs: Count
    facet_values: dict[str, Count]
    rows_read: Count
    rejected: dict[str, Count]
    files: tuple[FileEntry, ...]
    checksum: str = ""


class _Version(msgspec.Struct):
    format: int
    id: str = "?"


def encode(manifest: Manifest) -> bytes:
    """Return the bytes of `manifest.json`, with the checksum set."""
    return _render(msgspec.structs.replace(manifest, checksum=_checksum(manifest)))


def decode(content: bytes) -> Manifest:
    """Return the manifest that `content` holds.

    Raises `SnapshotFormat` when it is of a format that this version does not know, `SnapshotCorrupt` when one byte is
    not as `encode` wrote it.
    """
    try:
        version = msgspec.json.decode(content, type=_Version)
    except UNREADABLE as error:
        raise SnapshotCorrupt(f"manifest.json cannot be read: {error}.") from None
    if not OLDEST_FORMAT <= version.format <= FORMAT:
        raise wrong_format(version.id, version.format)
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except UNREADABLE as error:
        raise SnapshotCorrupt(f"manifest.json cannot be read: {error}.") from None
    if manifest.checksum != _checksum(manifest) or _render(manifest) != content:
        raise SnapshotCorrupt("manifest.json has changed since it was written: its checksum differs.")
    return manifest


def wrong_format(snapshot_id: str, version: int) -> SnapshotFormat:
    """Return the error for a snapshot of another format than this version of facets-svc serves."""
    what = (
        f"The snapshot {snapshot_id[:40]} is of format {version}, and facets-svc {__version__} serves format {FORMAT}"
    )
    if version > FORMAT:
        return SnapshotFormat(f"{what}: upgrade facets-svc, or roll back to a snapshot of format {FORMAT}.")
    return SnapshotFormat(f"{what}: run `facets-svc sync` to publish a snapshot of format {FORMAT}.")


def _render(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def _checksum(manifest: Manifest) -> str:
    return hashlib.sha256(_render(msgspec.structs.replace(manifest, checksum=""))).hexdigest()


def is_snapshot_id(text: str) -> bool:
    """Tell whether `text` reads as the id of a snapshot, such as `20261124T020000Z-3f9c`."""
    return _ID.fullmatch(text) is not None


def id_time(snapshot_id: str) -> datetime:
    """Return the time that an id begins with, in UTC, to the second."""
    return datetime.strptime(snapshot_id.partition("-")[0], _ID_TIME).replace(tzinfo=UTC)


def next_id(now: datetime, *, latest: str | None, suffix: int) -> str:
    """Return an id later than `latest`, even when the clock went back: the later of `now` and its time + 1 s.

    >>> next_id(datetime(2026, 11, 24, 2, tzinfo=UTC), latest="20261124T020000Z-3f9c", suffix=10)
    '20261124T020001Z-000a'
    """
    moment = now.astimezone(UTC)
    if latest is not None:
        moment = max(moment, id_time(latest) + timedelta(seconds=1))
    return f"{moment.strftime(_ID_TIME)}-{suffix & 0xFFFF:04x}"
