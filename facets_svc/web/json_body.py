"""Answers as JSON: the contract's members, and further ones on request.

The OpenAPI document describes the answers by the same Structs.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from msgspec import UNSET, Meta, UnsetType

from facets_svc.catalogue import FACETS
from facets_svc.facets.answer import FacetAnswer, FacetValues, ModelPage, Statistics, ValuePage
from facets_svc.facets.answer import ListedSnapshot as Listed
from facets_svc.facets.query import (
    FacetFilter,
    FacetQuery,
    ModelQuery,
    Question,
    RecordQuery,
    SnapshotsQuery,
    ValueQuery,
)
from facets_svc.web.cursors import cursor_after

MEDIA_TYPE: Final = "application/json"

_ENCODER: Final = msgspec.json.Encoder()

Time = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=0)]
TotalValues = Annotated[
    int, Meta(ge=0, description="Distinct values with a count above 0, also those that are not listed")
]
MissingCount = Annotated[
    int, Meta(ge=0, description="Models without a value; in an `any` facet, its own filter is left out")
]
Mode = Annotated[
    Literal["any", "all"],
    Meta(description="Whether a model must have any or all of the selected values"),
]


class CountedValue(msgspec.Struct, frozen=True):
    """A value, and the number of models with it."""

    value: Annotated[str, Meta(examples=["apache-2.0"])]
    count: Count
    selected: bool


class CountedFacet(msgspec.Struct, frozen=True):
    """The listed values of a facet with their counts, and the counts of the rest."""

    values: Annotated[list[CountedValue], Meta(description="In the facet's order")]
    total_values: TotalValues
    other_count: Annotated[int, Meta(ge=0, description="Sum of the counts of values that are not listed")]
    missing_count: MissingCount
    truncated: Annotated[bool, Meta(description="True if values with a count above 0 are not listed")]
    match: Mode

    @classmethod
    def of(cls, listed: FacetValues, asked: FacetFilter) -> Self:
        """Return the facet of an answer, with the selection of the question's filter."""
        return cls(
            values=_counted(listed.values, listed.counts, asked),
            total_values=listed.total_values,
            other_count=listed.other_count,
            missing_count=listed.missing_count,
            truncated=listed.truncated,
            match=asked.match,
        )


class CountedFacets(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every facet that is listed, by its key in the answer."""

    tags: CountedFacet | UnsetType = UNSET
    licenses: CountedFacet | UnsetType = UNSET
    task_categories: CountedFacet | UnsetType = UNSET
    frameworks: CountedFacet | UnsetType = UNSET
    size_categories: CountedFacet | UnsetType = UNSET


class HistogramBin(msgspec.Struct, frozen=True):
    """Models whose number is at least `lower` and below `upper`; bounds are 1, 2 and 5 times powers of ten."""

    lower: Annotated[int | None, Meta(description="Null for the bin of everything below 1")]
    upper: Annotated[int, Meta(ge=1)]
    count: Annotated[int, Meta(ge=1)]


class NumberStatistics(msgspec.Struct, frozen=True):
    """How a number is spread over the models that pass every filter and have it."""

    count: Annotated[int, Meta(ge=0, description="Models that have the number")]
    min: int | None
    max: int | None
    mean: float | None
    quartiles: Annotated[
        list[int] | None,
        Meta(
            description="Three numbers that occur: the smallest ones that at least 25, 50 and 75 % of the models do "
            "not exceed",
        ),
    ]
    histogram: Annotated[list[HistogramBin], Meta(description="Bins with models, in ascending order")]

    @classmethod
    def of(cls, statistics: Statistics) -> Self:
        """Return the statistics of an answer."""
        return cls(
            count=statistics.count,
            min=statistics.minimum,
            max=statistics.maximum,
            mean=statistics.mean,
            quartiles=None if statistics.quartiles is None else list(statistics.quartiles),
            histogram=[HistogramBin(each.lower, each.upper, each.count) for each in statistics.histogram],
        )


class Spreads(msgspec.Struct, frozen=True):
    """How numbers are spread over the models that pass every filter, by column."""

    parameters: NumberStatistics
    size_bytes: NumberStatistics
    downloads: NumberStatistics


class MonthCount(msgspec.Struct, frozen=True):
    """Models that were created in a month, in UTC."""

    month: Annotated[str, Meta(examples=["2024-05"])]
    count: Annotated[int, Meta(ge=1)]


class ModelFacetsResponse(msgspec.Struct, frozen=True, omit_defaults=True):
    """The contract's answer; with `counts` it has `facets` and `stats`, with `timeline` that, too."""

    filtered_total: int
    frameworks: list[str]
    licenses: list[str]
    size_categories: list[str]
    tags: list[str]
    task_categories: list[str]
    total: int
    facets: Annotated[
        CountedFacets | UnsetType, Meta(description="With `counts`: every facet that is listed, with its counts")
    ] = UNSET
    stats: Annotated[
        Spreads | UnsetType, Meta(description="With `counts`: distributions of the numbers of the models that pass")
    ] = UNSET
    timeline: Annotated[
        list[MonthCount] | UnsetType,
        Meta(description="With `timeline`: months in which models that pass were created, in order"),
    ] = UNSET

    @classmethod
    def of(cls, query: FacetQuery, answer: FacetAnswer) -> Self:
        """Return the answer with the contract's members, and the further ones that the query asks for."""
        more: dict[str, Any] = {}
        if query.with_statistics:
            more["facets"] = CountedFacets(
                **{
                    facet.response_key: CountedFacet.of(answer.facets[facet.index], query.filters[facet.index])
                    for facet in FACETS
                    if query.wants(facet)
                }
            )
            more["stats"] = Spreads(**{column: NumberStatistics.of(one) for column, one in answer.statistics})
        if query.with_timeline:
            more["timeline"] = [MonthCount(month, count) for month, count in answer.timeline]
        listed: dict[str, Any] = {facet.response_key: list(answer.facets[facet.index].values) for facet in FACETS}
        return cls(total=answer.total, filtered_total=answer.filtered_total, **listed, **more)


class FacetValuesResponse(msgspec.Struct, frozen=True):
    """A page of one facet's values."""

    facet: Literal["tags", "licenses", "task_categories", "frameworks", "size_categories"]
    values: Annotated[list[CountedValue], Meta(description="In the requested order")]
    total_values: Annotated[
        int, Meta(ge=0, description="Distinct values with a count above 0 that contain `q`, over all pages")
    ]
    missing_count: MissingCount
    match: Mode
    offset: Count
    limit: Annotated[int, Meta(ge=1)]

    @classmethod
    def of(cls, asked: ValueQuery, page: ValuePage) -> Self:
        """Return a page of an answer, with the members that repeat its question."""
        own = asked.query.filters[asked.facet.index]
        return cls(
            facet=asked.facet.response_key,  # type: ignore[arg-type]
            values=_counted(page.values, page.counts, own),
            total_values=page.total_values,
            missing_count=page.missing_count,
            match=own.match,
            offset=asked.offset,
            limit=asked.limit,
        )


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model's record: with `fields`, only these of its columns."""

    id: str | UnsetType = UNSET
    org: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    tags: list[str] | UnsetType = UNSET
    license: str | UnsetType | None = UNSET
    task_categories: list[str] | UnsetType = UNSET
    framework: str | UnsetType | None = UNSET
    size_category: str | UnsetType | None = UNSET
    is_public: bool | UnsetType = UNSET
    created_at: Time | UnsetType | None = UNSET
    updated_at: Time | UnsetType | None = UNSET
    parameters: int | UnsetType | None = UNSET
    size_bytes: int | UnsetType | None = UNSET
    downloads: int | UnsetType | None = UNSET


class ModelsResponse(msgspec.Struct, frozen=True):
    """A page of models."""

    models: Annotated[list[Model], Meta(description="In the requested order")]
    total: Annotated[int, Meta(ge=0, description="Models in scope: that of the facets of the same snapshot")]
    filtered_total: Annotated[
        int, Meta(ge=0, description="Models that pass the search and all filters, over all pages")
    ]
    next_cursor: Annotated[str | None, Meta(description="Where the next page begins; null after the last")]

    @classmethod
    def of(cls, asked: ModelQuery, page: ModelPage) -> Self:
        """Return a page of an answer, with the members that repeat its question."""
        return cls(
            models=[Model(**record) for record in page.records],
            total=page.total,
            filtered_total=page.filtered_total,
            next_cursor=cursor_after(asked, page),
        )


class ListedSnapshot(msgspec.Struct, frozen=True):
    """A snapshot that may be asked for with `as_of`."""

    id: Annotated[str, Meta(examples=["20261124T020000Z-3f9c"])]
    created_at: Time
    models: Annotated[
        int,
        Meta(
            ge=0,
            description="Models in the scope; of an earlier snapshot, only those that the caller also sees now",
        ),
    ]
    is_current: Annotated[bool, Meta(description="True if requests without `as_of` are answered from it")]

    @classmethod
    def of(cls, listed: Listed) -> Self:
        """Return a snapshot of an answer."""
        return cls(listed.id, listed.created_at, listed.models, listed.is_current)


class SnapshotsResponse(msgspec.Struct, frozen=True):
    """The snapshots that may be asked."""

    snapshots: Annotated[list[ListedSnapshot], Meta(description="Newest first, without withdrawn ones")]


def encode(question: Question, answer: Any) -> bytes:
    """Return the answer to a question as JSON; `answer` has the type that the engine returns for such a question."""
    return _ENCODER.encode(_response(question, answer))


def _response(question: Question, answer: Any) -> msgspec.Struct:
    match question:
        case ValueQuery():
            return FacetValuesResponse.of(question, answer)
        case ModelQuery():
            return ModelsResponse.of(question, answer)
        case RecordQuery():
            return Model(**answer.records[0])
        case SnapshotsQuery():
            return SnapshotsResponse([ListedSnapshot.of(one) for one in answer.snapshots])
        case FacetQuery():
            return ModelFacetsResponse.of(question, answer)


def _counted(values: Iterable[str], counts: Iterable[int], asked: FacetFilter) -> list[CountedValue]:
    selected = frozenset(asked.selected)
    return [CountedValue(value, count, value in selected) for value, count in zip(values, counts, strict=True)]
