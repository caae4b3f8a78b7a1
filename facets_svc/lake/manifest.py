"""The manifest of a snapshot, and the ids of snapshots."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec

from facets_svc import __version__
from facets_svc.errors import SnapshotCorrupt, SnapshotFormat

FORMAT: Final = 3
"""The version of a snapshot's format: its files, and the meaning of their columns."""

OLDEST_FORMAT: Final = 1
"""The oldest format whose manifest and records this version reads, to list, compare and prune. It cannot be served."""

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""The errors of decoding invalid JSON: by its shape, its encoding or its depth."""

_ID = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{4}")
_ID_TIME: Final = "%Y%m%dT%H%M%SZ"

_WITHIN: Final = r"^(?!\.\.?(/|$))[^/\x00]+(/(?!\.\.?(/|$))[^/\x00]+)*$"
"""A path that stays inside the snapshot's folder, also in a forged manifest."""

Count = Annotated[int, msgspec.Meta(ge=0)]


class FileEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file: its path in the snapshot, its size in bytes, its SHA-256 in hex, and its rows if it is Parquet."""

    path: Annotated[str, msgspec.Meta(pattern=_WITHIN)]
    rows: Count | None = None
    bytes: Count
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of a snapshot.

    `created_at` is in UTC. `source` has no credentials; `writer` names the versions of the software that wrote the
    files. `facet_values` counts the distinct values by response key, `rejected` the rejected rows by reason. `checksum`
    is the SHA-256 of the manifest with an empty checksum, in hex.
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
    """Return the bytes of `manifest.json`, with the checksum."""
    return _render(msgspec.structs.replace(manifest, checksum=_checksum(manifest)))


def decode(content: bytes) -> Manifest:
    """Return the manifest with the bytes `content`.

    Raises `SnapshotFormat` for a format that this version does not read, `SnapshotCorrupt` if any byte differs from
    those that `encode` wrote.
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
    """Return the error for a snapshot whose format this version does not serve."""
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
    """Return whether `text` has the form of a snapshot id, such as `20261124T020000Z-3f9c`."""
    return _ID.fullmatch(text) is not None


def id_time(snapshot_id: str) -> datetime:
    """Return the time in a snapshot id, in UTC, to the second."""
    return datetime.strptime(snapshot_id.partition("-")[0], _ID_TIME).replace(tzinfo=UTC)


def next_id(now: datetime, *, latest: str | None, suffix: int) -> str:
    """Return an id that sorts after `latest`: its time is `now`, or a second after that of `latest` if that is later.

    >>> next_id(datetime(2026, 11, 24, 2, tzinfo=UTC), latest="20261124T020000Z-3f9c", suffix=10)
    '20261124T020001Z-000a'
    """
    moment = now.astimezone(UTC)
    if latest is not None:
        moment = max(moment, id_time(latest) + timedelta(seconds=1))
    return f"{moment.strftime(_ID_TIME)}-{suffix & 0xFFFF:04x}"
