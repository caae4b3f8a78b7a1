"""Resolves `as_of`: an id names its snapshot, a time the newest snapshot made at that time or before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, cast

from facets_svc.errors import NotFound
from facets_svc.facets.query import AsOf, FacetQuery, Moment, Question, SnapshotsQuery
from facets_svc.service.answers import QuestionT, ServedSnapshot

_MAX_NAMED: Final = 6
"""The number of snapshots that an error names."""


def moment_of(question: Question) -> Moment | AsOf | None:
    """Return the `as_of` of a question; None for the current snapshot, and for a question for all snapshots."""
    if isinstance(question, SnapshotsQuery):
        return None
    return question.as_of if isinstance(question, FacetQuery) else question.query.as_of


def is_unresolved(question: Question) -> bool:
    """Return whether a question needs the list of snapshots to be resolved."""
    return isinstance(question, SnapshotsQuery) or isinstance(moment_of(question), str | datetime)


def resolve(question: QuestionT, retained: Sequence[ServedSnapshot], current: str) -> QuestionT:
    """Return an unresolved question with the snapshots that it asks for.

    `retained` are the snapshots to choose from, oldest first. Raises `NotFound` if none matches.
    """
    if isinstance(question, SnapshotsQuery):
        return replace(question, snapshots=tuple((snapshot.id, snapshot.created_at) for snapshot in retained))
    moment = moment_of(question)
    assert isinstance(moment, str | datetime)  # noqa: S101 - for the type checker: the question is unresolved
    found = _matching(moment, retained)
    as_of = None if found == current else AsOf(found, current)
    if isinstance(question, FacetQuery):
        return replace(question, as_of=as_of)
    return cast("QuestionT", replace(question, query=replace(question.query, as_of=as_of)))


def _matching(moment: Moment, retained: Sequence[ServedSnapshot]) -> str:
    if isinstance(moment, str):
        found = [snapshot.id for snapshot in retained if snapshot.id == moment]
    else:
        found = [snapshot.id for snapshot in retained if snapshot.created_at <= moment]
    if found:
        return found[-1]
    named = ", ".join(snapshot.id for snapshot in retained[-_MAX_NAMED:])
    more = f", and {len(retained) - _MAX_NAMED} older ones" if len(retained) > _MAX_NAMED else ""
    raise NotFound(f"No snapshot matches as_of. The snapshots are {named}{more}.")
