"""Answers as CSV for spreadsheets: one line per value, model or snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from facets_svc.catalogue import FACETS, Facet
from facets_svc.csv_text import guarded, line
from facets_svc.facets.answer import FacetValues, ValuePage
from facets_svc.facets.query import (
    FacetFilter,
    FacetQuery,
    ModelQuery,
    Question,
    RecordQuery,
    SnapshotsQuery,
    ValueQuery,
)

MEDIA_TYPE: Final = "text/csv; charset=utf-8"

HEADER: Final = ("facet", "value", "count", "selected")

SNAPSHOTS_HEADER: Final = ("id", "created_at", "models", "is_current")


def encode(question: Question, answer: Any) -> bytes:
    """Return the answer to a question as CSV; `answer` has the type that the engine returns for such a question."""
    return b"".join(map(line, _rows(question, answer)))


def _rows(question: Question, answer: Any) -> Iterator[tuple[str | None, ...]]:
    match question:
        case SnapshotsQuery():
            yield SNAPSHOTS_HEADER
            for one in answer.snapshots:
                yield tuple(_cell(getattr(one, name)) for name in SNAPSHOTS_HEADER)
        case ModelQuery() | RecordQuery():
            yield question.fields
            for record in answer.records:
                yield tuple(_cell(record[name]) for name in question.fields)
        case ValueQuery():
            yield HEADER
            yield from _values(question.facet, answer, question.query.filters[question.facet.index])
        case FacetQuery():
            yield HEADER
            for facet in FACETS:
                yield from _values(facet, answer.facets[facet.index], question.filters[facet.index])


def _cell(value: Any) -> str | None:
    """Return a value of a record as a cell: None for null, a list as JSON, a time by RFC 3339."""
    match value:
        case None:
            return None
        case str():
            return guarded(value)
        case list():
            return guarded(msgspec.json.encode(value).decode())
        case datetime() | bool():
            return msgspec.json.encode(value).decode().strip('"')
        case _:
            return str(value)


def _values(facet: Facet, listed: FacetValues | ValuePage, asked: FacetFilter) -> Iterator[tuple[str, ...]]:
    selected = frozenset(asked.selected)
    for value, count in zip(listed.values, listed.counts, strict=True):
        yield facet.response_key, guarded(value), str(count), "true" if value in selected else "false"
