"""Which snapshots a question means: an id means itself, a time the newest that was made by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, cast

from facets_svc.errors import NotFound
from facets_svc.facets.query import AsOf, FacetQuery, Moment, Question, SnapshotsQuery
from facets_svc.service.answered import ServedSnapshot
from facets_svc.service.form import QuestionT

_NAMED: Final = 6
"""How many of the snapshots that an error names."""


def moment_of(question: Question) -> Moment | AsOf | None:
    """Return which snapshot a question is about; None if it is the current one, or all that are retained."""
    if isinstance(question, SnapshotsQuery):
        return None
    return question.as_of if isinstance(question, FacetQuery) else question.query.as_of


def is_open(question: Question) -> bool:
    """Tell whether the snapshots that a question means are still to be found out."""
    return isinstance(question, SnapshotsQuery) or isinstance(moment_of(question), str | datetime)


def settled(question: QuestionT, retained: Sequence[ServedSnapshot], current: str) -> QuestionT:
    """Return the question with the snapshots that it means, of those that are retained. Raises `NotFound`."""
    if isinstance(question, SnapshotsQuery):
        return replace(question, snapshots=tuple((snapshot.id, snapshot.created_at) for snapshot in retained))
    moment = moment_of(question)
    assert isinstance(moment, str | datetime)  # noqa: S101 - for the type checker: others are settled
    found = _meant(moment, retained)
    as_of = None if found == current else AsOf(found, current)
    if isinstance(question, FacetQuery):
        return replace(question, as_of=as_of)
    return cast("QuestionT", replace(question, query=replace(question.query, as_of=as_of)))


def _meant(moment: Moment, retained: Sequence[ServedSnapshot]) -> str:
    """Return the snapshot of an id, or the newest that was made at a time or before. Raises `NotFound`."""
    if isinstance(moment, str):
        found = [snapshot.id for snapshot in retained if snapshot.id == moment]
    else:
        found = [snapshot.id for snapshot in retained if snapshot.created_at <= moment]
    if found:
        return found[-1]
    named = ", ".join(snapshot.id for snapshot in retained[-_NAMED:])
    more = f", and {len(retained) - _NAMED} older ones" if len(retained) > _NAMED else ""
    raise NotFound(f"No snapshot matches as_of. The snapshots are {named}{more}.")
