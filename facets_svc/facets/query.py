"""Queries as values, in a canonical form: equal requests are equal values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from facets_svc.catalogue import FACETS, RECORD, Facet, Match, Measure, fold

Bound = int | datetime


@dataclass(frozen=True, slots=True)
class FacetFilter:
    """The filter of one facet. Values are sorted by code point, without repeats.

    A model passes if it has *any* or *all* (`match`) of the `selected` values. `missing` counts as one more selected
    value, which models without a value have. A model with one of the `excluded` values does not pass.
    """

    match: Match
    selected: tuple[str, ...] = ()
    missing: bool = False
    excluded: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.selected or self.missing or self.excluded)


@dataclass(frozen=True, slots=True)
class Range:
    """A range of a measure: `minimum` is included, and so is `maximum`, except for times. None: no bound.

    A model without a value is outside of every range.
    """

    measure: Measure
    minimum: Bound | None = None
    maximum: Bound | None = None


Moment = str | datetime
"""The reference to an earlier snapshot in a request: its id, or a time."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """The id of an earlier snapshot, and of the current one: a query shows models of both only."""

    snapshot_id: str
    current: str


NO_FILTERS = tuple(FacetFilter(facet.match) for facet in FACETS)
"""A filter per facet, by its index, that every model passes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetQuery:
    """A query for facet values: its scope, its filters, and the number of values to list. Build one with `of`.

    Requests with the same meaning are equal: values and terms are sorted, without repeats, and terms are folded.
    `filters` and `limits` are by the index of the facet; a limit of 0 lists no values. `as_of` is a moment until the
    service resolves it to a snapshot; None is the current snapshot.
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
        """Return the canonical query of a request's values.

        `search` is split at white space and folded. Values are stripped, and empty ones are ignored. `limits` overrides
        the `limit` of `wanted` facets; the other facets list no values.
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
        """Return whether the query lists values of `facet`."""
        return self.limits[facet.index] > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueQuery:
    """A query for a page of one facet's values, in the scope and with the filters of `query`.

    Only values whose folded text contains `fragment` (folded) are listed, by `order`: `count` (descending, then by
    value) or `value` (sizes by size). The page starts after `offset` values and has at most `limit`.
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
"""The ids of the snapshots that a list of models depends on: an earlier snapshot depends on the current one too."""


def edition(query: FacetQuery, current: str) -> Edition:
    """Return the edition of the list that `query` gives while the snapshot of the id `current` is current."""
    return (query.as_of.snapshot_id, query.as_of.current) if isinstance(query.as_of, AsOf) else (current,)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuery:
    """A query for a page of the models themselves, in the scope and with the filters of `query`.

    `order` is `updated_at`, `created_at`, `downloads`, `name` or `parameters`. Models with equal values are sorted by
    id, also reversed if `descending`; models without a value come last. `fields` are columns of the record, in its
    order. The page starts after `offset` models and has at most `limit`. `edition` is that of the page before; None on
    the first page.
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
    """A query for the record of the model `id`, in the scope of `query`, which has no filters.

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
    """A query for the snapshots that clients can query, with the number of their models in the scope of an org.

    The service fills in `snapshots`: their ids and times, oldest first.
    """

    org: str
    include_public: bool = False
    snapshots: tuple[tuple[str, datetime], ...] = ()


Question = FacetQuery | ValueQuery | ModelQuery | RecordQuery | SnapshotsQuery
"""Any query of a request."""


def _canonical(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({stripped for value in values if (stripped := value.strip())}))
