"""An answer: the snapshot that it comes from, and the forms that it is encoded to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from facets_svc.facets.query import Question


@dataclass(frozen=True, slots=True)
class ServedSnapshot:
    """The id of the snapshot that an answer comes from, and the time (UTC) when it was made."""

    id: str
    created_at: datetime


AnswerT_co = TypeVar("AnswerT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Answered(Generic[AnswerT_co]):
    """An answer of the engine, and the one snapshot that all of it comes from."""

    answer: AnswerT_co
    snapshot: ServedSnapshot


class Encoded(Protocol):
    """An encoded answer."""

    @property
    def size(self) -> int:
        """Its size in memory, in bytes."""


QuestionT = TypeVar("QuestionT", bound=Question)
QuestionT_contra = TypeVar("QuestionT_contra", bound=Question, contravariant=True)
EncodedT = TypeVar("EncodedT", bound=Encoded)
EncodedT_co = TypeVar("EncodedT_co", bound=Encoded, covariant=True)


class Form(Protocol[QuestionT_contra, EncodedT_co]):
    """One way to encode answers: a media type and a content coding. Two forms are equal only if their bytes are."""

    def __hash__(self) -> int:
        """Hash the form, which is part of the keys of the response cache."""

    def encode(self, question: QuestionT_contra, answered: Answered[Any]) -> EncodedT_co:
        """Return the encoded answer to `question`. Runs in a thread of the pool.

        `answered.answer` has the type that the engine returns for this type of question.
        """
