"""What is answered: the values of every facet, with their counts, and the totals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from facets_svc.catalogue import FACETS


@dataclass(frozen=True, slots=True)
class FacetValues:
    """The listed values of one facet, in the facet's order, and the count of each.

    `total_values` are the distinct values with a count above 0, `other_count` is the sum of the counts of those that
    are not listed, `missing_count` the models without a value.
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
    """One bar of a histogram: the models from `lower` to before `upper`; None for all that is below 1."""

    lower: int | None
    upper: int
    count: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """How a number is spread over the models that pass and have it. Quartiles are values that occur.

    Of no models, all but `count` are None and there are no bins; a bin is in the histogram if it holds a model.
    """

    count: int
    minimum: int | None = None
    maximum: int | None = None
    mean: float | None = None
    quartiles: tuple[int, int, int] | None = None
    histogram: tuple[Bin, ...] = ()


@dataclass(frozen=True, slots=True)
class FacetAnswer:
    """One answer: models in scope, models that pass every filter, and the values of each facet by its index.

    `statistics` has a value for each number of `catalogue.MEASURES`, by its column, if they were asked for; `timeline`
    how many of the models that pass were created in each month (`2024-05`), in order, if it was.
    """

    total: int
    filtered_total: int
    facets: tuple[FacetValues, ...]
    statistics: tuple[tuple[str, Statistics], ...] = ()
    timeline: tuple[tuple[str, int], ...] = ()

    @property
    def truncated(self) -> tuple[str, ...]:
        """The response keys of the facets that are not listed whole, though they were asked for."""
        return tuple(facet.response_key for facet, listed in zip(FACETS, self.facets, strict=True) if listed.truncated)


@dataclass(frozen=True, slots=True)
class ValuePage:
    """A page of one facet's values with their counts, and how many there are over all pages."""

    values: tuple[str, ...]
    counts: tuple[int, ...]
    total_values: int
    missing_count: int


@dataclass(frozen=True, slots=True)
class ModelPage:
    """A page of models' records with the fields that were asked for, and the totals of the whole list.

    `snapshot_id` is the snapshot that the page comes from, and `following` how many models of the list come before the
    next page; None if this one is the last.
    """

    snapshot_id: str
    total: int
    filtered_total: int
    records: tuple[dict[str, Any], ...]
    following: int | None


@dataclass(frozen=True, slots=True)
class OneRecord:
    """The record of one model with the fields that were asked for, as a list of one."""

    records: tuple[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ListedSnapshot:
    """A snapshot that may be asked, and how many models of it are in the scope of who asks."""

    id: str
    created_at: datetime
    models: int
    is_current: bool


@dataclass(frozen=True, slots=True)
class SnapshotList:
    """The snapshots that may be asked, newest first."""

    snapshots: tuple[ListedSnapshot, ...]


Answer = FacetAnswer | ValuePage | ModelPage | OneRecord | SnapshotList
"""What is answered to a question of each kind."""
