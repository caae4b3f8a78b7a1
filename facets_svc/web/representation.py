"""An answer as it goes over the wire: encoded once, sent to everybody who may have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import msgspec
from litestar.types import Receive, Scope, Send

from facets_svc.catalogue import FACETS
from facets_svc.facets.answer import FacetAnswer
from facets_svc.facets.query import FacetQuery
from facets_svc.service.answered import Answered
from facets_svc.web import freshness

Headers = tuple[tuple[bytes, bytes], ...]

_ENCODER: Final = msgspec.json.Encoder()

_HEADERS_BYTES: Final = 2048
"""What the headers of an answer take in memory, with the objects that hold them, generously."""


class ModelFacetsResponse(msgspec.Struct, frozen=True):
    """The contract's answer."""

    filtered_total: int
    frameworks: tuple[str, ...]
    licenses: tuple[str, ...]
    size_categories: tuple[str, ...]
    tags: tuple[str, ...]
    task_categories: tuple[str, ...]
    total: int

    @classmethod
    def of(cls, answer: FacetAnswer) -> Self:
        """Return the answer as the contract has it: values without their counts."""
        listed = {facet.response_key: answer.facets[facet.index].values for facet in FACETS}
        return cls(total=answer.total, filtered_total=answer.filtered_total, **listed)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer; an ASGI application that sends it."""

    status: int
    headers: Headers
    body: bytes
    snapshot_id: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        del scope, receive
        start: Any = {"type": "http.response.start", "status": self.status, "headers": list(self.headers)}
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
class JsonForm:
    """Answers as JSON by the contract, uncompressed."""

    media_type: str = freshness.MEDIA_TYPE
    coding: str = "identity"

    def encode(self, query: FacetQuery, answered: Answered) -> Representation:
        """Encode the answer to `query`, with its headers."""
        body = _ENCODER.encode(ModelFacetsResponse.of(answered.answer))
        tag = freshness.entity_tag(answered.snapshot.id, query, coding=self.coding)
        shared = freshness.headers_of(answered, tag)
        whole = shared | {
            "Last-Modified": freshness.last_modified(answered),
            "Content-Type": self.media_type,
            "Content-Length": str(len(body)),
        }
        return Representation(
            tag,
            whole=Reply(200, _encoded(whole), body, answered.snapshot.id),
            unchanged=Reply(304, _encoded(shared), b"", answered.snapshot.id),
        )


JSON: Final = JsonForm()


def _encoded(headers: dict[str, str]) -> Headers:
    return tuple((name.lower().encode(), value.encode("latin-1")) for name, value in headers.items())
