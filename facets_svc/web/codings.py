"""The content codings of answers: how they are compressed, and which of them somebody takes (RFC 9110, 12.5.3)."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from facets_svc.web.quality import qualities

MIN_BYTES: Final = 1024
"""A smaller body goes as it is: it fits into one packet anyhow."""

_ZSTD_LEVEL: Final = 3
_GZIP_LEVEL: Final = 5
"""Levels that take a fraction of what an answer takes; each one more costs more than it saves."""


def _zstd(body: bytes) -> bytes:
    compressed: bytes = pa.Codec("zstd", compression_level=_ZSTD_LEVEL).compress(body, asbytes=True)
    return compressed


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, _GZIP_LEVEL, mtime=0)  # without a time, which would make other bytes each second


@dataclass(frozen=True, slots=True)
class Coding:
    """A content coding by its name; `version` names all that its bytes depend on beside the body."""

    name: str
    version: str = field(default="", compare=False)
    compress: Callable[[bytes], bytes] = field(default=bytes, compare=False)


IDENTITY: Final = Coding("identity")
ZSTD: Final = Coding("zstd", f"{_ZSTD_LEVEL}, arrow {pa.__version__}", _zstd)
GZIP: Final = Coding("gzip", f"{_GZIP_LEVEL}, zlib {zlib.ZLIB_RUNTIME_VERSION}", _gzip)

_OFFERED: Final = (ZSTD, GZIP)


def negotiated(accept_encoding: str) -> Coding:
    """Return the coding to answer in: of those that are taken the one taken most gladly, zstd first of equals.

    `identity` is what is left when nothing else is taken, even where it is refused: better readable than not at all.

    >>> negotiated("gzip, zstd").name, negotiated("gzip;q=1, zstd;q=0.5").name, negotiated("br").name
    ('zstd', 'gzip', 'identity')
    """
    taken = qualities(accept_encoding)
    everything = taken.get("*", 0.0)
    weights = {coding: taken.get(coding.name, everything) for coding in _OFFERED}
    best = max(_OFFERED, key=lambda coding: weights[coding])
    # one that only comes after plain bytes is not wanted
    return best if weights[best] > 0 and weights[best] >= taken.get("identity", 0.0) else IDENTITY
