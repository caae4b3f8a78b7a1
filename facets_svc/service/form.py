"""What answers are encoded to."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from facets_svc.facets.query import Question
from facets_svc.service.answered import Answered


class Encoded(Protocol):
    """An encoded answer."""

    @property
    def size(self) -> int:
        """How many bytes it takes in memory."""


QuestionT = TypeVar("QuestionT", bound=Question)
QuestionT_contra = TypeVar("QuestionT_contra", bound=Question, contravariant=True)
EncodedT = TypeVar("EncodedT", bound=Encoded)
EncodedT_co = TypeVar("EncodedT_co", bound=Encoded, covariant=True)


class Form(Protocol[QuestionT_contra, EncodedT_co]):
    """One way to encode answers: a media type and a content coding. Two forms are equal only if their bytes are."""

    def __hash__(self) -> int:
        """Forms are parts of keys."""

    def encode(self, question: QuestionT_contra, answered: Answered[Any]) -> EncodedT_co:
        """Encode the answer to `question`: what the engine says to one of its kind. Runs in a thread of the pool."""
