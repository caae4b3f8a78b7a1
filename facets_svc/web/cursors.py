"""Cursors: where the next page of a list of models begins, as a text that only this service needs to understand.

A cursor names what the list comes from, a digest of the question, and how many models of the list come before.
Snapshots never change and the order is total, so that this is exact. It holds nothing of the models themselves, and no
place among models that the caller may not see. It is not signed: whoever makes one up for another place of the list is
answered what they could have had by going through its pages, since the question, and with it the scope, comes from the
request.
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
    """What the list comes from, the digest of the question, and how many models come before."""

    edition: Edition
    digest: bytes
    offset: int


def cursor_after(asked: ModelQuery, page: ModelPage) -> str | None:
    """Return the cursor for the page after this one; None if this is the last."""
    if page.following is None:
        return None
    return _text(Cursor(edition(asked.query, page.snapshot_id), _digest(asked), page.following))


def decode(text: str, asked: ModelQuery) -> Cursor | None:
    """Return what a cursor says; None if it was not made for what is asked, or is none."""
    if len(text) > MAX_LENGTH:
        return None
    try:
        packed = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        cursor = msgspec.msgpack.decode(packed, type=Cursor)
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        return None
    sound = cursor.digest == _digest(asked) and cursor.offset > 0
    return cursor if sound and _text(cursor) == text else None


def _digest(asked: ModelQuery) -> bytes:
    """Return what tells one list from another; how many models a page has, and what of them, may change on the way.

    Which snapshot an `as_of` means is in the edition.
    """
    ingredients = (replace(asked.query, as_of=None), asked.order, asked.descending)
    return hashlib.sha256(msgspec.json.encode(ingredients)).digest()[:_DIGEST_BYTES]


def _text(cursor: Cursor) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(cursor)).rstrip(b"=").decode("ascii")
