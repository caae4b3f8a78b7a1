"""A form for tests, which keeps answers as they are."""

from __future__ import annotations

from dataclasses import dataclass

from facets_svc.facets.answer import FacetAnswer
from facets_svc.facets.query import FacetQuery
from facets_svc.service.answered import Answered, SnapshotInForce


@dataclass(frozen=True)
class Whole:
    """An answer as it is, which says that it takes `size` bytes."""

    answered: Answered
    size: int

    @property
    def answer(self) -> FacetAnswer:
        return self.answered.answer

    @property
    def snapshot(self) -> SnapshotInForce:
        return self.answered.snapshot


@dataclass(frozen=True)
class WholeForm:
    """Encodes answers as they are."""

    name: str = "whole"
    size: int = 100

    def encode(self, query: FacetQuery, answered: Answered) -> Whole:
        del query
        return Whole(answered, self.size)


WHOLE = WholeForm()
