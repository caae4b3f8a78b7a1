"""What a client prefers: the weighted lists of `Accept` and `Accept-Encoding` (RFC 9110, 12.4.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_WEIGHT: Final = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)


def qualities(header: str) -> dict[str, float]:
    """Return the weight of each item, in lower case and without its parameters: from 0 (not at all) to 1.

    An item that is listed twice has its greatest weight; one whose weight does not read is ignored.

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
    """Return the weight of a media type: its own, or that of the range which it is in, or of everything.

    >>> weight_of("text/csv", {"text/*": 0.5, "*/*": 0.1}), weight_of("image/png", {"text/*": 0.5, "*/*": 0.1})
    (0.5, 0.1)
    """
    kind = media_type.partition("/")[0]
    return next((accepted[name] for name in (media_type, f"{kind}/*", "*/*") if name in accepted), 0.0)
