"""What is asked: a facet query in its canonical form."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from facets_svc.catalogue import FACETS, RECORD, Facet, Match, Measure, fold

Bound = int | datetime


@dataclass(frozen=True, slots=True)
class FacetFilter:
    """What is asked of one facet; values are sorted by code point, without repeats.

    A model passes that holds *any* or *all* (`match`) of the `selected` values, `missing` standing for one more value:
    to hold none of the facet. A model that holds one of the `excluded` values does not pass.
    """

    match: Match
    selected: tuple[str, ...] = ()
    missing: bool = False
    excluded: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.selected or self.missing or self.excluded)


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a measure: at least `minimum`, and at most `maximum` or, for a time, before it. None: no bound.

    A model without a value is out of every range.
    """

    measure: Measure
    minimum: Bound | None = None
    maximum: Bound | None = None


Moment = str | datetime
"""What an earlier snapshot is asked for by: its id, or a time."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """An earlier snapshot, and the current one, whose models alone are shown of it."""

    snapshot_id: str
    current: str


NO_FILTERS = tuple(FacetFilter(facet.match) for facet in FACETS)


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetQuery:
    """One question: whose models, narrowed by what, and how many values of which facets to list.

    Two requests that mean the same are the same value: values and terms are sorted and hold no repeats, terms are
    folded. `filters` and `limits` are by the facet's index; a limit of 0 leaves a facet's list empty. `as_of` is a
    moment until it is known which snapshot that means; None stands for the current one. Build one with
    `FacetQuery.of`.
    """

    org: str
    include_public: bool = False
    terms: tuple[str, ...] = ()
    filters: tuple[FacetFilter, ...] = NO_FILTERS
    ranges: tuple[Range, ...] = ()
    limits: tuple[int, ...]
    with_statistics: bool = False
    with_timeline: bool = False
    as_of: Moment | AsOf | None = None

    @classmethod
    def of(  # noqa: PLR0913 - one keyword for each thing that can be asked
        cls,
        org: str,
        *,
        limit: int,
        include_public: bool = False,
        search: str = "",
        selected: Mapping[Facet, Iterable[str]] | None = None,
        match: Mapping[Facet, Match] | None = None,
        missing: Collection[Facet] = (),
        excluded: Mapping[Facet, Iterable[str]] | None = None,
        ranges: Iterable[Range] = (),
        limits: Mapping[Facet, int] | None = None,
        wanted: Collection[Facet] = FACETS,
        with_statistics: bool = False,
        with_timeline: bool = False,
        as_of: Moment | None = None,
    ) -> FacetQuery:
        """Return the canonical query for a request's values.

        `search` is split at white space and folded; values are stripped; what is then empty is ignored. `limit` is that
        of every `wanted` facet that has none of its own in `limits`.
        """

        def asked_of(facet: Facet) -> FacetFilter:
            values = _canonical((selected or {}).get(facet, ()))
            others = _canonical((excluded or {}).get(facet, ()))
            mode = (match or {}).get(facet, facet.match)
            return FacetFilter(mode, values, facet in missing, others)

        own_limits = limits or {}
        return cls(
            org=org,
            include_public=include_public,
            terms=tuple(sorted({folded for term in search.split() if (folded := fold(term))})),
            filters=tuple(asked_of(facet) for facet in FACETS),
            ranges=tuple(sorted(ranges, key=lambda asked: asked.measure.column)),
            limits=tuple(own_limits.get(facet, limit) if facet in wanted else 0 for facet in FACETS),
            with_statistics=with_statistics,
            with_timeline=with_timeline,
            as_of=as_of,
        )

    @property
    def selected(self) -> tuple[tuple[str, ...], ...]:
        """The selected values of every facet, by its index."""
        return tuple(asked.selected for asked in self.filters)

    def wants(self, facet: Facet) -> bool:
        """Whether the values of `facet` are asked for."""
        return self.limits[facet.index] > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueQuery:
    """A question for one facet's values: those that contain `fragment` (folded), under a query's scope and filters.

    `order` is `count` (descending, then value) or `value` (sizes by size); `offset` values are passed over, and at most
    `limit` are listed.
    """

    query: FacetQuery
    facet: Facet
    fragment: str = ""
    order: Literal["count", "value"] = "count"
    offset: int = 0
    limit: int

    @property
    def org(self) -> str:
        """Whose models the query is about."""
        return self.query.org


Edition = tuple[str, ...]
"""What a list of models comes from: a snapshot, and behind an earlier one the current one, by their ids."""


def edition(query: FacetQuery, current: str) -> Edition:
    """Return what a list comes from that is asked for while a snapshot is current."""
    return (query.as_of.snapshot_id, query.as_of.current) if isinstance(query.as_of, AsOf) else (current,)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuery:
    """A question for the models themselves, under a query's scope and filters: at most `limit` of their records.

    `order` is one of `ORDERS`; of equal values the lesser id comes first, or the greater one when `descending`; models
    without a value come last either way. `fields` are columns of the record, in its order. `offset` models are passed
    over, after a page of that `edition` of the list (None: this is the first page).
    """

    query: FacetQuery
    order: str = "updated_at"
    descending: bool = True
    fields: tuple[str, ...] = tuple(RECORD.names)
    edition: Edition | None = None
    offset: int = 0
    limit: int

    @property
    def org(self) -> str:
        """Whose models the query is about."""
        return self.query.org


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordQuery:
    """A question for the record of the model of one `id`, if it is in the scope of `query`, which filters nothing.

    `fields` are columns of the record, in its order.
    """

    query: FacetQuery
    id: str
    fields: tuple[str, ...] = tuple(RECORD.names)

    @property
    def org(self) -> str:
        """Whose models the query is about."""
        return self.query.org


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotsQuery:
    """A question for the snapshots that may be asked, with their models in the scope of an org.

    `snapshots` are those, oldest first, by id and time, once it is known which there are.
    """

    org: str
    include_public: bool = False
    snapshots: tuple[tuple[str, datetime], ...] = ()


Question = FacetQuery | ValueQuery | ModelQuery | RecordQuery | SnapshotsQuery
"""Whatever a request may ask."""


def _canonical(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({stripped for value in values if (stripped := value.strip())}))
