"""Which snapshots a question means: an id means itself, a time the newest that was made by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, cast

from facets_svc.errors import NotFound
from facets_svc.facets.query import AsOf, FacetQuery, Moment, Question, SnapshotsQuery
from facets_svc.service.answered import SnapshotInForce
from facets_svc.service.form import QuestionT

_NAMED: Final = 6
"""How many of the snapshots that are kept an error names."""


def moment_of(question: Question) -> Moment | AsOf | None:
    """Return which snapshot a question is about; None if it is the one in force, or all that are kept."""
    if isinstance(question, SnapshotsQuery):
        return None
    return question.as_of if isinstance(question, FacetQuery) else question.query.as_of


def is_open(question: Question) -> bool:
    """Tell whether the snapshots that a question means are still to be found out."""
    return isinstance(question, SnapshotsQuery) or isinstance(moment_of(question), str | datetime)


def settled(question: QuestionT, kept: Sequence[SnapshotInForce], in_force: str) -> QuestionT:
    """Return the question with the snapshots that it means, of those that are kept. Raises `NotFound`."""
    if isinstance(question, SnapshotsQuery):
        return replace(question, snapshots=tuple((snapshot.id, snapshot.created_at) for snapshot in kept))
    moment = moment_of(question)
    assert isinstance(moment, str | datetime)  # noqa: S101 - for the type checker: others are settled
    found = _meant(moment, kept)
    as_of = None if found == in_force else AsOf(found, in_force)
    if isinstance(question, FacetQuery):
        return replace(question, as_of=as_of)
    return cast("QuestionT", replace(question, query=replace(question.query, as_of=as_of)))


def _meant(moment: Moment, kept: Sequence[SnapshotInForce]) -> str:
    """Return the snapshot of an id, or the newest that was made at a time or before. Raises `NotFound`."""
    if isinstance(moment, str):
        found = [snapshot.id for snapshot in kept if snapshot.id == moment]
    else:
        found = [snapshot.id for snapshot in kept if snapshot.created_at <= moment]
    if found:
        return found[-1]
    named = ", ".join(snapshot.id for snapshot in kept[-_NAMED:])
    more = f", and {len(kept) - _NAMED} older ones" if len(kept) > _NAMED else ""
    raise NotFound(f"No snapshot is kept as of then; kept are {named}{more}.")
