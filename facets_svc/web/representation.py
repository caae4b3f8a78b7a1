"""An answer as it goes over the wire: encoded once, sent to everybody who may have it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from facets_svc.facets.answer import Answer, FacetAnswer, ValuePage
from facets_svc.facets.query import FacetQuery, ModelQuery, Question, ValueQuery
from facets_svc.service.answered import Answered
from facets_svc.service.form import QuestionT
from facets_svc.web import csv_body, freshness, json_body
from facets_svc.web.codings import IDENTITY, MIN_BYTES, Coding
from facets_svc.web.cursors import cursor_after

Headers = tuple[tuple[bytes, bytes], ...]

_HEADERS_BYTES: Final = 2048
"""What the headers of an answer take in memory, with the objects that hold them, generously."""


class Reply(ASGIResponse):
    """A whole answer; an ASGI application that sends its headers as they are: they were encoded once."""

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        self.status = status
        self.headers_sent = headers
        self.body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        del scope, receive
        start: Any = {"type": "http.response.start", "status": self.status, "headers": self.headers_sent}
        await send(start)
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


@dataclass(frozen=True, slots=True)
class Representation:
    """The two replies that an answer has: whole, and for those who have it already."""

    tag: str
    whole: Reply
    unchanged: Reply

    @property
    def size(self) -> int:
        """How many bytes it takes in memory."""
        return len(self.whole.body) + _HEADERS_BYTES

    def reply(self, if_none_match: Sequence[str]) -> Reply:
        """Return the reply to a request with these `If-None-Match` headers."""
        if if_none_match and freshness.has_already(if_none_match, self.tag):
            return self.unchanged
        return self.whole


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type of answers, and what writes them."""

    name: str
    encode: Callable[[Question, Any], bytes] = field(compare=False)
    has_statistics: bool = True


JSON: Final = MediaType(json_body.MEDIA_TYPE, json_body.encode)
CSV: Final = MediaType(csv_body.MEDIA_TYPE, csv_body.encode, has_statistics=False)


@dataclass(frozen=True, slots=True)
class WireForm:
    """Answers in a media type, compressed by a content coding where they are large enough."""

    media_type: MediaType = JSON
    coding: Coding = IDENTITY

    def canonical(self, question: QuestionT) -> QuestionT:
        """Return the question without what this form does not tell."""
        if isinstance(question, FacetQuery) and not self.media_type.has_statistics:
            return replace(question, with_statistics=False, with_timeline=False)
        return question

    def encode(self, question: Question, answered: Answered[Any]) -> Representation:
        """Encode the answer to a question, with its headers."""
        body = self.media_type.encode(question, answered.answer)
        coding = self.coding if len(body) >= MIN_BYTES else IDENTITY
        tag = freshness.entity_tag(
            answered.snapshot.id, question, media_type=self.media_type.name, coding=coding.name + coding.version
        )
        shared = freshness.headers_of(answered, tag, _truncated(question, answered.answer))
        if isinstance(question, ModelQuery) and (cursor := cursor_after(question, answered.answer)) is not None:
            shared["X-Next-Cursor"] = cursor
        body = coding.compress(body)
        whole = shared | {
            "Last-Modified": freshness.last_modified(answered),
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


def _truncated(question: Question, answer: Answer) -> Iterable[str]:
    """Return the response keys of what is not listed whole: a page of values is not, unless it is the only one."""
    if isinstance(answer, FacetAnswer):
        return answer.truncated
    if isinstance(question, ValueQuery) and isinstance(answer, ValuePage) and len(answer.values) < answer.total_values:
        return (question.facet.response_key,)
    return ()


def _encoded(headers: dict[str, str]) -> Headers:
    return tuple((name.lower().encode(), value.encode("latin-1")) for name, value in headers.items())
