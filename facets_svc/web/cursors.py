"""Cursors: the position where the next page of a list of models begins, as an opaque text.

A cursor has the snapshot of the list, a digest of the question, and the number of models before the page. That is
exact, since snapshots never change and the order is total. A cursor has no data of models, and counts only models that
the caller may see. It is not signed: a forged one gives a page that the caller could reach anyway, since the question
and its scope come from the request.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import replace
from typing import Final

import msgspec

from facets_svc.facets.answer import ModelPage
from facets_svc.facets.query import Edition, ModelQuery, edition

MAX_LENGTH: Final = 256

_DIGEST_BYTES: Final = 12


class Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The snapshot of the list, the digest of the question, and the number of models before the page."""

    edition: Edition
    digest: bytes
    offset: int


def cursor_after(asked: ModelQuery, page: ModelPage) -> str | None:
    """Return the cursor of the page after `page`; None if it is the last one."""
    if page.following is None:
        return None
    return _text(Cursor(edition(asked.query, page.snapshot_id), _digest(asked), page.following))


def decode(text: str, asked: ModelQuery) -> Cursor | None:
    """Return the decoded cursor; None if it is invalid, or if it belongs to another question."""
    if len(text) > MAX_LENGTH:
        return None
    try:
        packed = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        cursor = msgspec.msgpack.decode(packed, type=Cursor)
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        return None
    is_valid = cursor.digest == _digest(asked) and cursor.offset > 0
    return cursor if is_valid and _text(cursor) == text else None


def _digest(asked: ModelQuery) -> bytes:
    """Return a digest of the parts of a question that define its list.

    Limit and fields may change from page to page. The edition has the snapshot, so that `as_of` is left out.
    """
    parts = (replace(asked.query, as_of=None), asked.order, asked.descending)
    return hashlib.sha256(msgspec.json.encode(parts)).digest()[:_DIGEST_BYTES]


def _text(cursor: Cursor) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(cursor)).rstrip(b"=").decode("ascii")
