from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec
import pytest

from facets_svc import __version__
from facets_svc.errors import SnapshotCorrupt, SnapshotFormat
from facets_svc.lake.manifest import FORMAT, FileEntry, Manifest, decode, encode, next_id

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MANIFEST = Manifest(
    id="20261124T120000Z-00ff",
    created_at=NOON,
    source="catalogue.jsonl",
    writer="facets-svc 0.1.0",
    models=2,
    public_models=1,
    orgs=1,
    facet_values={"tags": 3},
    rows_read=3,
    rejected={"bad_slug": 1},
    files=(FileEntry(path="index/orgs.parquet", rows=1, bytes=10, sha256="0" * 64),),
)


def test_a_manifest_reads_back_as_it_was_written() -> None:
    read = decode(encode(MANIFEST))
    assert msgspec.structs.replace(read, checksum="") == MANIFEST
    assert encode(read) == encode(MANIFEST)


def test_no_single_byte_of_a_manifest_can_change_unseen() -> None:
    content = encode(MANIFEST)
    for place in range(len(content)):
        for flipped in (1, 0x20):
            spoiled = bytearray(content)
            spoiled[place] ^= flipped
            with pytest.raises((SnapshotCorrupt, SnapshotFormat)):
                decode(bytes(spoiled))


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b"\xff", b'{"format": "1"}', b'{"a": "\xff"}', b"[" * 90_000]
)
def test_what_is_no_manifest_is_corrupt(content: bytes) -> None:
    with pytest.raises(SnapshotCorrupt, match="cannot be read"):
        decode(content)


def test_a_newer_format_is_refused_by_its_number() -> None:
    newer = FORMAT + 1
    told = (
        f"The snapshot 20261124T120000Z-00ff is of format {newer}, and facets-svc {__version__} serves format {FORMAT}"
    )
    with pytest.raises(SnapshotFormat, match=re.escape(f"{told}: upgrade facets-svc, or roll back")):
        decode(f'{{"format": {newer}, "id": "20261124T120000Z-00ff", "whatever": "else"}}'.encode())


@pytest.mark.parametrize("version", [0, -1])
def test_a_format_that_never_was_is_refused(version: int) -> None:
    with pytest.raises(SnapshotFormat, match=f"is of format {version}, .* run `facets-svc sync`"):
        decode(f'{{"format": {version}}}'.encode())


@pytest.mark.parametrize(
    ("latest", "expected"),
    [
        (None, "20261124T120000Z-00ff"),
        ("20261124T115959Z-ffff", "20261124T120000Z-00ff"),
        ("20261124T120000Z-0000", "20261124T120001Z-00ff"),
        ("20300101T000000Z-0000", "20300101T000001Z-00ff"),
    ],
)
def test_ids_stay_in_order_even_when_the_clock_goes_back(latest: str | None, expected: str) -> None:
    assert next_id(NOON, latest=latest, suffix=255) == expected
    assert latest is None or latest < expected


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "index/../../x", "a//b", "./a", "a/.", "a\0b"])
def test_a_path_that_leaves_the_snapshot_is_refused(path: str) -> None:
    entry = FileEntry(path=path, rows=1, bytes=10, sha256="0" * 64)
    with pytest.raises(SnapshotCorrupt, match="cannot be read"):
        decode(encode(msgspec.structs.replace(MANIFEST, files=(entry,))))
