"""One interleaved run: every engine in turn, round after round, so that what disturbs the machine disturbs them all."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.answers import Answer, difference
from benchmarks.peers.base import LIMIT, OURS
from benchmarks.questions import Question
from benchmarks.workers import Worker
from facets_svc.catalogue import FACETS
from facets_svc.facets.query import FacetQuery

WARM_UP_ROUNDS: Final = 2

ONE_ROUND_SECONDS: Final = 8.0
"""An engine whose first answer took longer is not asked again: that answer is its figure."""


class Disagreement(Exception):
    """Two engines counted differently: no time means anything then."""


@dataclass(frozen=True)
class Times:
    """The milliseconds of an engine for one question, in the order of the rounds."""

    milliseconds: Sequence[float]
    narrower: bool = False

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.milliseconds)

    @property
    def p99(self) -> float:
        """The 99th percentile by nearest rank: of fewer than a hundred rounds the slowest."""
        return nearest_rank(self.milliseconds, 0.99)


def nearest_rank(values: Sequence[float], share: float) -> float:
    """Return the least value that `share` of the values do not exceed."""
    return sorted(values)[math.ceil(len(values) * share) - 1]


def compare(
    question: Question, expected: Sequence[Answer], found: Sequence[Answer], *, name: str, narrow_search: bool
) -> bool:
    """Return whether the answers of an engine are fewer than ours in a way that it is allowed.

    Raises `Disagreement` unless they are that, or equal.
    """
    narrower = False
    for query, ours, theirs in zip(question.queries, expected, found, strict=True):
        if name == LIMIT:
            wrong = difference(_conjunctive(query, ours), _conjunctive(query, theirs))
        else:
            wrong = difference(ours, theirs)
        if wrong is None:
            continue
        if not (narrow_search and query.terms and _is_within(theirs, ours)):
            raise Disagreement(f"{question.name}: {name} does not agree with {OURS}: {wrong}")
        narrower = True
    return narrower


def _is_within(fewer: Answer, more: Answer) -> bool:
    return fewer.filtered_total <= more.filtered_total and all(
        count <= more.facets[facet].get(value, 0)
        for facet, counts in fewer.facets.items()
        for value, count in counts.items()
    )


def _conjunctive(query: FacetQuery, answer: Answer) -> Answer:
    """Return what the limit counts too: everything but an *any* facet that is narrowed itself."""
    kept = {
        facet.column: answer.facets[facet.column]
        for facet in FACETS
        if facet.match == "all" or not query.selected[facet.index]
    }
    return Answer(answer.total, answer.filtered_total, kept)


def run(
    question: Question, workers: Sequence[Worker], *, rounds: int, budget_seconds: float, tell: Callable[[str], None]
) -> tuple[int, dict[str, Times]]:
    """Compare the answers of every engine with ours, then time them in turn.

    Return the models that pass the filters of the last request, and the times by engine. An engine takes no more rounds
    once it has used its budget. Raises `Disagreement`.
    """
    ours = next(worker for worker in workers if worker.name == OURS)
    expected = ours.ask(question.queries, want_answers=True).answers
    first: dict[str, float] = {}
    narrower: dict[str, bool] = {}
    for worker in workers:
        timed = worker.ask(question.queries, want_answers=True)
        narrower[worker.name] = compare(
            question, expected, timed.answers, name=worker.name, narrow_search=worker.opened.narrow_search
        )
        first[worker.name] = timed.seconds
    times: dict[str, list[float]] = {worker.name: [] for worker in workers}
    spent = dict.fromkeys(times, 0.0)
    for worker in workers:
        if first[worker.name] > ONE_ROUND_SECONDS:
            times[worker.name].append(first[worker.name] * 1000)
            spent[worker.name] = math.inf
    for number in range(WARM_UP_ROUNDS + rounds):
        turn = number % len(workers)
        for worker in [*workers[turn:], *workers[:turn]]:
            if spent[worker.name] >= budget_seconds:
                continue
            seconds = worker.ask(question.queries).seconds
            if number >= WARM_UP_ROUNDS:
                times[worker.name].append(seconds * 1000)
                spent[worker.name] += seconds
    tell(f"{question.name}: " + ", ".join(f"{name} {statistics.median(taken):.1f}" for name, taken in times.items()))
    return expected[-1].filtered_total, {name: Times(taken, narrower[name]) for name, taken in times.items()}
