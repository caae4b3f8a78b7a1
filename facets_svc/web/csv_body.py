"""Answers as CSV (RFC 4180): a line a value, or a line a model, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from facets_svc.catalogue import FACETS, Facet
from facets_svc.facets.query import FacetFilter, FacetQuery, ModelQuery, Question, SnapshotsQuery, ValueQuery

MEDIA_TYPE: Final = "text/csv; charset=utf-8"

HEADER: Final = ("facet", "value", "count", "selected")

SNAPSHOTS_HEADER: Final = ("id", "created_at", "models", "in_force")

_FORMULA: Final = tuple("=+-@＝＋－＠\t\r\n'")
"""What a spreadsheet takes the beginning of a formula for, in some languages the wide forms too; and the apostrophe, so
that one can be taken away again."""

_Line = tuple[str, str, int, str]


def encode(question: Question, answer: Any) -> bytes:
    """Encode the answer to a question."""
    text = io.StringIO()
    writer = csv.writer(text)
    if isinstance(question, SnapshotsQuery):
        writer.writerow(SNAPSHOTS_HEADER)
        writer.writerows([_told(getattr(one, name)) for name in SNAPSHOTS_HEADER] for one in answer.snapshots)
    elif isinstance(question, ModelQuery):
        writer.writerow(question.fields)
        writer.writerows([_told(record[name]) for name in question.fields] for record in answer.records)
    else:
        writer.writerow(HEADER)
        writer.writerows(_lines(question, answer))
    return text.getvalue().encode()


def cell(value: str) -> str:
    """Return a value so that no spreadsheet runs it: an apostrophe stands before what may begin a formula.

    Values are whatever their models' owners wrote.

    >>> cell("mit"), cell("=1+1")
    ('mit', "'=1+1")
    """
    return f"'{value}" if value.startswith(_FORMULA) else value


def _told(value: Any) -> str:
    """Return a column of a record as a cell: nothing for null, a list as JSON, a time as in JSON."""
    match value:
        case None:
            return ""
        case str():
            return cell(value)
        case datetime() | bool() | list():
            return msgspec.json.encode(value).decode().strip('"')
        case _:
            return str(value)


def _lines(question: FacetQuery | ValueQuery, answer: Any) -> Iterator[_Line]:
    if isinstance(question, ValueQuery):
        yield from _facet(question.facet, answer, question.query.filters[question.facet.index])
        return
    for facet in FACETS:
        yield from _facet(facet, answer.facets[facet.index], question.filters[facet.index])


def _facet(facet: Facet, listed: Any, asked: FacetFilter) -> Iterator[_Line]:
    selected = frozenset(asked.selected)
    for value, count in zip(listed.values, listed.counts, strict=True):
        yield facet.response_key, cell(value), count, "true" if value in selected else "false"
