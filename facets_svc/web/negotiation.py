"""Content negotiation: weighted lists of `Accept` headers, and content codings (RFC 9110, 12.4.2 and 12.5.3)."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

MIN_BYTES: Final = 1024
"""A smaller body is not compressed: it fits into one packet either way."""

_WEIGHT: Final = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)

# Compressing at these levels takes a fraction of the time of an answer; higher ones cost more time than they save.
_ZSTD_LEVEL: Final = 3
_GZIP_LEVEL: Final = 5


def qualities(header: str) -> dict[str, float]:
    """Return the weight of each item of a header, from 0 (not accepted) to 1, by its lower-case name.

    Parameters of an item are dropped. An item that is listed twice has its greatest weight; one whose weight is invalid
    is ignored.

    >>> qualities("Text/CSV; charset=utf-8, */*;q=0.1")
    {'text/csv': 1.0, '*/*': 0.1}
    """
    weights: dict[str, float] = {}
    for item in header.split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        if not name:
            continue
        given = [parameter for parameter in parameters if parameter[:2].lower() == "q="]
        read = _WEIGHT.fullmatch(given[0]) if given else None
        if given and read is None:
            continue
        weight = float(read[1]) if read else 1.0
        weights[name.lower()] = max(weight, weights.get(name.lower(), 0.0))
    return weights


def weight_of(media_type: str, accepted: Mapping[str, float]) -> float:
    """Return the weight of a media type: its own, or else that of its range (`text/*`), or else that of `*/*`.

    >>> weight_of("text/csv", {"text/*": 0.5, "*/*": 0.1}), weight_of("image/png", {"text/*": 0.5, "*/*": 0.1})
    (0.5, 0.1)
    """
    kind = media_type.partition("/")[0]
    return next((accepted[name] for name in (media_type, f"{kind}/*", "*/*") if name in accepted), 0.0)


def _zstd(body: bytes) -> bytes:
    compressed: bytes = pa.Codec("zstd", compression_level=_ZSTD_LEVEL).compress(body, asbytes=True)
    return compressed


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, _GZIP_LEVEL, mtime=0)  # with a time, the bytes would differ from second to second


@dataclass(frozen=True, slots=True)
class Coding:
    """A content coding by its name. `version` names everything beside the body that its bytes depend on."""

    name: str
    version: str = field(default="", compare=False)
    compress: Callable[[bytes], bytes] = field(default=bytes, compare=False)


IDENTITY: Final = Coding("identity")
ZSTD: Final = Coding("zstd", f"{_ZSTD_LEVEL}, arrow {pa.__version__}", _zstd)
GZIP: Final = Coding("gzip", f"{_GZIP_LEVEL}, zlib {zlib.ZLIB_RUNTIME_VERSION}", _gzip)

_OFFERED: Final = (ZSTD, GZIP)


def negotiated(accept_encoding: str) -> Coding:
    """Return the content coding with the greatest weight in `Accept-Encoding`; of equal ones zstd.

    If the client accepts neither zstd nor gzip, the coding is `identity`, even if the client refuses that: a readable
    answer is better than none.

    >>> negotiated("gzip, zstd").name, negotiated("gzip;q=1, zstd;q=0.5").name, negotiated("br").name
    ('zstd', 'gzip', 'identity')
    """
    accepted = qualities(accept_encoding)
    everything = accepted.get("*", 0.0)
    weights = {coding: accepted.get(coding.name, everything) for coding in _OFFERED}
    best = max(_OFFERED, key=lambda coding: weights[coding])
    # A client that prefers identity gets it.
    return best if weights[best] > 0 and weights[best] >= accepted.get("identity", 0.0) else IDENTITY
