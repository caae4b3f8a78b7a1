"""Answers as values: facet values with counts, pages of values and models, lists of snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from facets_svc.catalogue import FACETS


@dataclass(frozen=True, slots=True)
class FacetValues:
    """The listed values of one facet, in the facet's order, and their counts, in the same order.

    `total_values` is the number of values with a count above 0, `other_count` the sum of the counts of those that are
    not listed, `missing_count` the number of models without a value.
    """

    values: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    total_values: int = 0
    other_count: int = 0
    missing_count: int = 0

    @property
    def truncated(self) -> bool:
        """Whether values with a count above 0 are missing from the list."""
        return self.other_count > 0


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a histogram: the number of models from `lower` up to, but not including, `upper`.

    `lower` is None in the bar of all numbers below 1.
    """

    lower: int | None
    upper: int
    count: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """The distribution of a number over the models that pass and have it.

    `quartiles` are the values at 25, 50 and 75 percent; each occurs. `histogram` has the bars with models, in ascending
    order. Without models, all members but `count` are None or empty.
    """

    count: int
    minimum: int | None = None
    maximum: int | None = None
    mean: float | None = None
    quartiles: tuple[int, int, int] | None = None
    histogram: tuple[Bin, ...] = ()


@dataclass(frozen=True, slots=True)
class FacetAnswer:
    """The answer to a `FacetQuery`.

    `total` counts the models in scope, `filtered_total` those that pass every filter; `facets` are by their index. If
    requested, `statistics` has a pair of column and statistics for each number of `catalogue.MEASURES`, and `timeline`
    a pair for each month (`2024-05`) in which models that pass were created, with their number, in ascending order.
    """

    total: int
    filtered_total: int
    facets: tuple[FacetValues, ...]
    statistics: tuple[tuple[str, Statistics], ...] = ()
    timeline: tuple[tuple[str, int], ...] = ()

    @property
    def truncated(self) -> tuple[str, ...]:
        """The response keys of the facets whose list is truncated, by the index of the facet."""
        return tuple(facet.response_key for facet, listed in zip(FACETS, self.facets, strict=True) if listed.truncated)


@dataclass(frozen=True, slots=True)
class ValuePage:
    """A page of one facet's values with their counts, in one order; `total_values` counts the values of all pages."""

    values: tuple[str, ...]
    counts: tuple[int, ...]
    total_values: int
    missing_count: int


@dataclass(frozen=True, slots=True)
class ModelPage:
    """A page of models: their records with the requested fields, and the totals of the whole list.

    `snapshot_id` is the snapshot of the page, `following` the offset of the next page; None on the last page.
    """

    snapshot_id: str
    total: int
    filtered_total: int
    records: tuple[dict[str, Any], ...]
    following: int | None


@dataclass(frozen=True, slots=True)
class OneRecord:
    """The record of one model with the requested fields, as a tuple of one."""

    records: tuple[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ListedSnapshot:
    """A snapshot that clients can query, and the number of its models in the scope of the request."""

    id: str
    created_at: datetime
    models: int
    is_current: bool


@dataclass(frozen=True, slots=True)
class SnapshotList:
    """The snapshots that clients can query, newest first."""

    snapshots: tuple[ListedSnapshot, ...]


Answer = FacetAnswer | ValuePage | ModelPage | OneRecord | SnapshotList
"""The answer to any `Question`."""
