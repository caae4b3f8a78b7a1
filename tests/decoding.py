"""What a client makes of a content coding."""

from __future__ import annotations

import gzip

import pyarrow as pa


def decoded(body: bytes, coding: str | None) -> bytes:
    """Return what was compressed."""
    if coding == "gzip":
        return gzip.decompress(body)
    if coding == "zstd":
        with pa.CompressedInputStream(pa.BufferReader(body), "zstd") as stream:
            content: bytes = stream.read()
        return content
    assert coding is None
    return body
