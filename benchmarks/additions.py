"""What is asked beyond the contract: counts beside the bare answer, a search among one facet's values, the models.

No peer has them in this form, so that our engine is compared with itself: the forms of a question take turns, in this
process, with nothing remembered of the round before.
"""

from __future__ import annotations

import dataclasses
import gc
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from benchmarks.questions import Question
from benchmarks.rounds import WARM_UP_ROUNDS, Times
from facets_svc.catalogue import FACETS, TAGS, fold
from facets_svc.engine.duckdb import DuckdbEngine
from facets_svc.facets.query import FacetQuery, ModelQuery, ValueQuery

BARE: Final = "bare"
COUNTS: Final = "counts"
VALUES: Final = "facet search"
"""The first hundred tags that contain a fragment, under the same filters."""

MODELS: Final = "fifty models"
"""The first page of the models themselves, newest first, with all of their columns."""

FORMS: Final = (BARE, COUNTS, VALUES, MODELS)

FRAGMENT_LENGTH: Final = 3


PAGE: Final = 50

Asked = FacetQuery | ValueQuery | ModelQuery


class Additions:
    """Times the forms of questions over one engine."""

    def __init__(self, engine: DuckdbEngine, *, rounds: int, budget_seconds: float) -> None:
        self._engine = engine
        self._rounds = rounds
        self._budget_seconds = budget_seconds

    def run(self, question: Question, fragment: str) -> tuple[int, dict[str, Times]]:
        """Return the models that pass, and the times by form. A question takes no more rounds than its budget allows.

        Raises `AssertionError` unless the forms agree about what they all say.
        """
        (query,) = question.queries
        asked = forms_of(query, fragment)
        bare, counted, page, models = (self._ask(asked[form])[1] for form in FORMS)
        assert dataclasses.replace(counted, statistics=()) == bare
        listed = bare.facets[TAGS.index]
        held = dict(zip(listed.values, listed.counts, strict=True))
        assert [held[value] for value in page.values] == list(page.counts)
        assert all(fragment in fold(value) for value in page.values)
        assert (models.total, models.filtered_total) == (bare.total, bare.filtered_total)
        assert len(models.records) == min(PAGE, bare.filtered_total)
        times: dict[str, list[float]] = {form: [] for form in FORMS}
        until = time.perf_counter() + self._budget_seconds
        for number in range(WARM_UP_ROUNDS + self._rounds):
            for form in FORMS:
                seconds, _ = self._ask(asked[form])
                if number >= WARM_UP_ROUNDS:
                    times[form].append(seconds * 1000)
            if number >= WARM_UP_ROUNDS and time.perf_counter() > until:
                break
        return bare.filtered_total, {form: Times(taken) for form, taken in times.items()}

    def _ask(self, asked: Asked) -> tuple[float, Any]:
        answer: Callable[[Any], Any] = self._engine.answer
        if isinstance(asked, ValueQuery):
            answer = self._engine.values
        elif isinstance(asked, ModelQuery):
            answer = self._engine.models
        gc.disable()  # a collection would count for the side that is timed
        started = time.perf_counter()
        answered = answer(asked)
        seconds = time.perf_counter() - started
        gc.enable()
        return seconds, answered


def forms_of(query: FacetQuery, fragment: str) -> dict[str, Asked]:
    """Return what is asked in each form."""
    alone = dataclasses.replace(query, limits=(0,) * len(FACETS))
    return {
        BARE: query,
        COUNTS: dataclasses.replace(query, with_statistics=True),
        VALUES: ValueQuery(query=alone, facet=TAGS, fragment=fragment, limit=100),
        MODELS: ModelQuery(query=alone, limit=PAGE),
    }


def fragment_of(asked: Sequence[Question]) -> str:
    """Return the beginning of the first tag that is asked for, folded: some tags hold it."""
    tag = next(tag for question in asked for query in question.queries for tag in query.selected[TAGS.index])
    return fold(tag)[:FRAGMENT_LENGTH]
