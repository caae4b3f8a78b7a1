"""What answers are encoded to."""

from __future__ import annotations

from typing import Protocol, TypeVar

from facets_svc.facets.query import FacetQuery
from facets_svc.service.answered import Answered


class Encoded(Protocol):
    """An encoded answer."""

    @property
    def size(self) -> int:
        """How many bytes it takes in memory."""


EncodedT = TypeVar("EncodedT", bound=Encoded)
EncodedT_co = TypeVar("EncodedT_co", bound=Encoded, covariant=True)


class Form(Protocol[EncodedT_co]):
    """One way to encode answers: a media type and a content coding. Two forms are equal only if their bytes are."""

    def __hash__(self) -> int:
        """Forms are parts of keys."""

    def encode(self, query: FacetQuery, answered: Answered) -> EncodedT_co:
        """Encode the answer to `query`. Runs in a thread of the pool."""
