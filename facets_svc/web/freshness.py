"""What a cache may do with an answer: its tag, its headers, and whether the one who asks has it already."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import UTC
from email.utils import format_datetime
from typing import Any

import msgspec

from facets_svc import __version__
from facets_svc.facets.query import Question
from facets_svc.service.answered import Answered

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def entity_tag(
    snapshot_id: str, question: Question, *, media_type: str = "application/json", coding: str = "identity"
) -> str:
    """Return the strong tag of an answer: another one whenever a byte of it may be another.

    The canonical question holds the org and the limits that the settings led to; the version stands for the code.
    """
    ingredients = (__version__, snapshot_id, question.org, question, media_type, coding)
    return f'"{hashlib.sha256(msgspec.json.encode(ingredients)).hexdigest()[:32]}"'


def has_already(if_none_match: Sequence[str], tag: str) -> bool:
    """Tell whether the `If-None-Match` headers name `tag`, by weak comparison (RFC 9110, 13.1.2).

    Several headers are one list. One that does not parse is ignored: the answer is then sent in full.
    """
    listed = ", ".join(if_none_match).strip(" \t")
    if listed == "*":
        return True
    between = _TAG.sub("", listed)
    return not between.strip(" ,\t") and tag in _TAG.findall(listed)


def headers_of(answered: Answered[Any], tag: str, truncated: Iterable[str] = ()) -> dict[str, str]:
    """Return the headers that a 304 and its 200 share; `truncated` are response keys."""
    headers = {
        "ETag": tag,
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization, Accept, Accept-Encoding",
        "X-Snapshot-Id": answered.snapshot.id,
    }
    if keys := ",".join(truncated):
        headers["X-Facets-Truncated"] = keys
    return headers


def last_modified(answered: Answered[Any]) -> str:
    """Return the snapshot's time as HTTP writes it. For information: a roll-back moves it back."""
    return format_datetime(answered.snapshot.created_at.astimezone(UTC), usegmt=True)
