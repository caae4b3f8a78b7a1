"""A form for tests, which leaves answers unencoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from facets_svc.facets.answer import FacetAnswer
from facets_svc.facets.query import Question
from facets_svc.service.answers import Answered, ServedSnapshot


@dataclass(frozen=True)
class Whole:
    """An answer as it is, which says that it takes `size` bytes."""

    answered: Answered[Any]
    size: int

    @property
    def answer(self) -> FacetAnswer:
        answer: FacetAnswer = self.answered.answer
        return answer

    @property
    def snapshot(self) -> ServedSnapshot:
        return self.answered.snapshot


@dataclass(frozen=True)
class WholeForm:
    """Encodes answers as they are."""

    name: str = "whole"
    size: int = 100

    def encode(self, question: Question, answered: Answered[Any]) -> Whole:
        del question
        return Whole(answered, self.size)


WHOLE = WholeForm()
