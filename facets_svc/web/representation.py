"""An answer as HTTP sends it: encoded once in a form, with its tag and headers, for every caller who may have it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from email.utils import format_datetime
from functools import lru_cache
from typing import Any, Final

import msgspec
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from facets_svc import __version__
from facets_svc.facets.answer import Answer, FacetAnswer, ValuePage
from facets_svc.facets.query import FacetQuery, ModelQuery, Question, ValueQuery
from facets_svc.service.answers import Answered, QuestionT
from facets_svc.web import csv_body, json_body
from facets_svc.web.cursors import cursor_after
from facets_svc.web.negotiation import IDENTITY, MIN_BYTES, Coding, negotiated, qualities, weight_of

MAX_REMEMBERED: Final = 256
"""Pairs of `Accept` and `Accept-Encoding` headers whose form is remembered: clients send few different ones."""

MAX_REMEMBERED_CHARACTERS: Final = 512
"""Length of a remembered pair."""

Headers = tuple[tuple[bytes, bytes], ...]

_HEADERS_BYTES: Final = 2048
"""An upper estimate of the memory that the headers of both replies and their objects take."""

_TAG: Final = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


class Reply(ASGIResponse):
    """A complete response, as an ASGI application that sends headers which are encoded already."""

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        self.status = status
        self.headers_sent = headers
        self.body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        del scope, receive
        start: Any = {"type": "http.response.start", "status": self.status, "headers": self.headers_sent}
        await send(start)
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


@dataclass(frozen=True, slots=True)
class Representation:
    """The two replies to a question: 200 with the whole answer, and 304 for clients that have cached it."""

    tag: str
    whole: Reply
    unchanged: Reply

    @property
    def size(self) -> int:
        """Its size in memory, in bytes."""
        return len(self.whole.body) + _HEADERS_BYTES

    def reply(self, if_none_match: Sequence[str]) -> Reply:
        """Return the reply to a request with these `If-None-Match` headers."""
        if if_none_match and names_tag(if_none_match, self.tag):
            return self.unchanged
        return self.whole


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type of answers, and the function that encodes them."""

    name: str
    encode: Callable[[Question, Any], bytes] = field(compare=False)
    has_statistics: bool = True


JSON: Final = MediaType(json_body.MEDIA_TYPE, json_body.encode)
CSV: Final = MediaType(csv_body.MEDIA_TYPE, csv_body.encode, has_statistics=False)


@dataclass(frozen=True, slots=True)
class WireForm:
    """A media type, and the content coding that compresses bodies of at least `MIN_BYTES`."""

    media_type: MediaType = JSON
    coding: Coding = IDENTITY

    def canonical(self, question: QuestionT) -> QuestionT:
        """Return the question without the parts that this form cannot show."""
        if isinstance(question, FacetQuery) and not self.media_type.has_statistics:
            return replace(question, with_statistics=False, with_timeline=False)
        return question

    def encode(self, question: Question, answered: Answered[Any]) -> Representation:
        """Return the encoded answer to a question, with its headers."""
        body = self.media_type.encode(question, answered.answer)
        coding = self.coding if len(body) >= MIN_BYTES else IDENTITY
        tag = entity_tag(
            answered.snapshot.id, question, media_type=self.media_type.name, coding=coding.name + coding.version
        )
        shared = _shared_headers(answered, tag, _truncated(question, answered.answer))
        if isinstance(question, ModelQuery) and (cursor := cursor_after(question, answered.answer)) is not None:
            shared["X-Next-Cursor"] = cursor
        body = coding.compress(body)
        whole = shared | {
            "Last-Modified": _last_modified(answered),
            "Content-Type": self.media_type.name,
            "Content-Length": str(len(body)),
        }
        if coding != IDENTITY:
            whole["Content-Encoding"] = coding.name
        return Representation(
            tag,
            whole=Reply(200, _encoded(whole), body),
            unchanged=Reply(304, _encoded(shared), b""),
        )


def form_of(accept: Iterable[str], accept_encoding: Iterable[str]) -> WireForm:
    """Return the form that a request's `Accept` and `Accept-Encoding` headers prefer.

    CSV must be preferred to JSON. A client that accepts neither gets JSON, as the contract says.
    """
    headers = (",".join(accept), ",".join(accept_encoding))
    return (_form_of if sum(map(len, headers)) <= MAX_REMEMBERED_CHARACTERS else _form_of.__wrapped__)(*headers)


@lru_cache(MAX_REMEMBERED)
def _form_of(accept: str, accept_encoding: str) -> WireForm:
    return WireForm(_media_type(accept), negotiated(accept_encoding))


def _media_type(accept: str) -> MediaType:
    accepted = qualities(accept)
    return CSV if weight_of("text/csv", accepted) > weight_of("application/json", accepted) else JSON


def entity_tag(
    snapshot_id: str, question: Question, *, media_type: str = "application/json", coding: str = "identity"
) -> str:
    """Return the strong `ETag` of an answer, which differs whenever a byte of the answer may differ.

    The canonical question holds the org and the limits from the settings. The package's version stands for its code.
    """
    ingredients = (__version__, snapshot_id, question.org, question, media_type, coding)
    return f'"{hashlib.sha256(msgspec.json.encode(ingredients)).hexdigest()[:32]}"'


def names_tag(if_none_match: Sequence[str], tag: str) -> bool:
    """Return whether the `If-None-Match` headers name `tag`, by weak comparison (RFC 9110, 13.1.2).

    Several headers are one list. A list that does not parse names no tag.
    """
    listed = ", ".join(if_none_match).strip(" \t")
    if listed == "*":
        return True
    between = _TAG.sub("", listed)
    return not between.strip(" ,\t") and tag in _TAG.findall(listed)


def _shared_headers(answered: Answered[Any], tag: str, truncated: Iterable[str]) -> dict[str, str]:
    """Return the headers that the 200 and the 304 share; `truncated` are response keys."""
    headers = {
        "ETag": tag,
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization, Accept, Accept-Encoding",
        "X-Snapshot-Id": answered.snapshot.id,
    }
    if keys := ",".join(truncated):
        headers["X-Facets-Truncated"] = keys
    return headers


def _last_modified(answered: Answered[Any]) -> str:
    # No condition uses it: a roll-back moves it back.
    return format_datetime(answered.snapshot.created_at.astimezone(UTC), usegmt=True)


def _truncated(question: Question, answer: Answer) -> Iterable[str]:
    """Return the response keys of truncated facets; a page of values is truncated unless it holds all of them."""
    if isinstance(answer, FacetAnswer):
        return answer.truncated
    if isinstance(question, ValueQuery) and isinstance(answer, ValuePage) and len(answer.values) < answer.total_values:
        return (question.facet.response_key,)
    return ()


def _encoded(headers: dict[str, str]) -> Headers:
    return tuple((name.lower().encode(), value.encode("latin-1")) for name, value in headers.items())
