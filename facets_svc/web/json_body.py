"""Answers as JSON: by the contract, and with counts and numbers for those who ask for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Self

import msgspec

from facets_svc.catalogue import FACETS, Match
from facets_svc.facets.answer import FacetAnswer, FacetValues, ListedSnapshot, ModelPage, Statistics, ValuePage
from facets_svc.facets.query import FacetFilter, FacetQuery, ModelQuery, Question, SnapshotsQuery, ValueQuery
from facets_svc.web.cursors import cursor_after

MEDIA_TYPE: Final = "application/json"

_ENCODER: Final = msgspec.json.Encoder()


class ModelFacetsResponse(msgspec.Struct, frozen=True):
    """The contract's answer."""

    filtered_total: int
    frameworks: tuple[str, ...]
    licenses: tuple[str, ...]
    size_categories: tuple[str, ...]
    tags: tuple[str, ...]
    task_categories: tuple[str, ...]
    total: int

    @classmethod
    def of(cls, answer: FacetAnswer, **more: Any) -> Self:
        """Return the answer as the contract has it: values without their counts. `more` are further fields."""
        listed = {facet.response_key: answer.facets[facet.index].values for facet in FACETS}
        return cls(total=answer.total, filtered_total=answer.filtered_total, **listed, **more)


class CountedValue(msgspec.Struct, frozen=True):
    """A value, how many models one would see, and whether it is selected."""

    value: str
    count: int
    selected: bool


class CountedFacet(msgspec.Struct, frozen=True):
    """The values of a facet with their counts, and what is not among them."""

    values: tuple[CountedValue, ...]
    total_values: int
    other_count: int
    missing_count: int
    truncated: bool
    match: Match

    @classmethod
    def of(cls, listed: FacetValues, asked: FacetFilter) -> Self:
        """Return a listed facet as it was asked for."""
        return cls(
            values=_counted(listed.values, listed.counts, asked),
            total_values=listed.total_values,
            other_count=listed.other_count,
            missing_count=listed.missing_count,
            truncated=listed.truncated,
            match=asked.match,
        )


class NumberBin(msgspec.Struct, frozen=True):
    """One bar of a histogram: from `lower` (null: whatever is below 1) to before `upper`."""

    lower: int | None
    upper: int
    count: int


class NumberStatistics(msgspec.Struct, frozen=True):
    """How a number is spread over the models that pass and have it."""

    count: int
    min: int | None
    max: int | None
    mean: float | None
    quartiles: tuple[int, int, int] | None
    histogram: tuple[NumberBin, ...]

    @classmethod
    def of(cls, statistics: Statistics) -> Self:
        """Return statistics under the names that they are sent by."""
        return cls(
            count=statistics.count,
            min=statistics.minimum,
            max=statistics.maximum,
            mean=statistics.mean,
            quartiles=statistics.quartiles,
            histogram=tuple(NumberBin(each.lower, each.upper, each.count) for each in statistics.histogram),
        )


class CountedFacetsResponse(ModelFacetsResponse, frozen=True):
    """The contract's answer with counts, by response key, and with the spread of numbers, by column."""

    facets: dict[str, CountedFacet]
    stats: dict[str, NumberStatistics]


class FacetValuesResponse(msgspec.Struct, frozen=True):
    """A page of one facet's values."""

    facet: str
    values: tuple[CountedValue, ...]
    total_values: int
    missing_count: int
    match: Match
    offset: int
    limit: int


class ModelsResponse(msgspec.Struct, frozen=True):
    """A page of models' records."""

    models: tuple[dict[str, Any], ...]
    total: int
    filtered_total: int
    next_cursor: str | None


class SnapshotsResponse(msgspec.Struct, frozen=True):
    """The snapshots that may be asked."""

    snapshots: tuple[ListedSnapshot, ...]


def encode(question: Question, answer: Any) -> bytes:
    """Encode the answer to a question."""
    if isinstance(question, ValueQuery):
        return _ENCODER.encode(_page(question, answer))
    if isinstance(question, ModelQuery):
        return _ENCODER.encode(_models(question, answer))
    if isinstance(question, SnapshotsQuery):
        return _ENCODER.encode(SnapshotsResponse(answer.snapshots))
    return _ENCODER.encode(_facets(question, answer))


def _counted(values: Iterable[str], counts: Iterable[int], asked: FacetFilter) -> tuple[CountedValue, ...]:
    selected = frozenset(asked.selected)
    return tuple(CountedValue(value, count, value in selected) for value, count in zip(values, counts, strict=True))


def _facets(query: FacetQuery, answer: FacetAnswer) -> ModelFacetsResponse:
    if not query.with_statistics:
        return ModelFacetsResponse.of(answer)
    return CountedFacetsResponse.of(
        answer,
        facets={
            facet.response_key: CountedFacet.of(answer.facets[facet.index], query.filters[facet.index])
            for facet in FACETS
            if query.wants(facet)
        },
        stats={column: NumberStatistics.of(statistics) for column, statistics in answer.statistics},
    )


def _page(asked: ValueQuery, page: ValuePage) -> FacetValuesResponse:
    own = asked.query.filters[asked.facet.index]
    return FacetValuesResponse(
        facet=asked.facet.response_key,
        values=_counted(page.values, page.counts, own),
        total_values=page.total_values,
        missing_count=page.missing_count,
        match=own.match,
        offset=asked.offset,
        limit=asked.limit,
    )


def _models(asked: ModelQuery, page: ModelPage) -> ModelsResponse:
    return ModelsResponse(
        models=page.records,
        total=page.total,
        filtered_total=page.filtered_total,
        next_cursor=cursor_after(asked, page),
    )
