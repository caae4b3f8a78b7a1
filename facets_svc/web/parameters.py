"""The parameters of the routes of models and snapshots: a Struct for each route, which reads and documents them.

Limits apply to the values as sent, before white space, repeats and empty values are dropped. Parameters that filter use
a facet's parameter name; those that choose parts of the answer use its key in the answer. Each Struct checks its
parameters together (`faults`) and returns the question (`question`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, TypeVar, cast

import msgspec
from msgspec import Meta

from facets_svc.catalogue import (
    CREATED_AT,
    DOWNLOADS,
    FACETS,
    MAX_VALUE_LENGTH,
    PARAMETERS,
    RECORD,
    SIZE_BYTES,
    UPDATED_AT,
    Facet,
    Match,
    Measure,
    fold,
)
from facets_svc.errors import InvalidField, InvalidRequest
from facets_svc.facets.query import (
    FacetQuery,
    ModelQuery,
    Moment,
    Range,
    RecordQuery,
    SnapshotsQuery,
    ValueQuery,
)
from facets_svc.lake.manifest import is_snapshot_id
from facets_svc.settings import Settings
from facets_svc.web import cursors
from facets_svc.web.reading import Bound, InvalidValue, Pairs, instant, invalid_field, is_date, read, whole_number

MAX_SEARCH_LENGTH: Final = 256
MAX_SEARCH_TERMS: Final = 16
MAX_VALUES: Final = 100
"""Selected and excluded values of a request over all facets, at most."""

VALUES_LIMIT: Final = 100
"""Default number of values on a page."""

MODELS_LIMIT: Final = 50
MODELS_LIMIT_MAX: Final = 200
MAX_OFFSET: Final = 2**31 - 1
_INT64: Final = 2**63
_DAY: Final = timedelta(days=1, microseconds=-1)

FacetKey = Literal["tags", "licenses", "task_categories", "frameworks", "size_categories"]
FacetParameter = Literal["tags", "license", "task_categories", "framework", "size_category"]
Column = Literal[
    "id",
    "org",
    "name",
    "description",
    "tags",
    "license",
    "task_categories",
    "framework",
    "size_category",
    "is_public",
    "created_at",
    "updated_at",
    "parameters",
    "size_bytes",
    "downloads",
]
Sort = Literal[
    "updated_at",
    "-updated_at",
    "created_at",
    "-created_at",
    "downloads",
    "-downloads",
    "name",
    "-name",
    "parameters",
    "-parameters",
]

BY_PARAMETER: Final = {facet.parameter: facet for facet in FACETS}
BY_RESPONSE_KEY: Final = {facet.response_key: facet for facet in FACETS}

_NAMES: Final = "tags|license|task_categories|framework|size_category"
_FACET: Final = f"and the facet one of {_NAMES.replace('|', ', ')}"

Int64 = Annotated[int, Meta(ge=-_INT64, le=_INT64 - 1)]
Value = Annotated[str, Meta(max_length=MAX_VALUE_LENGTH)]
Excluded = Annotated[str, Meta(pattern=f"^({_NAMES}):", extra={"expected": f"facet:value, {_FACET}"})]
Mode = Annotated[
    str,
    Meta(pattern=f"^({_NAMES}):(any|all)$", extra={"expected": f"facet:mode, {_FACET}, and the mode one of any, all"}),
]
OwnLimit = Annotated[str, Meta(pattern=f"^({_NAMES}):", extra={"expected": f"facet:limit, {_FACET}"})]

_MORE: Final = "models without one do not match"


def _bound(column: str, relation: str, example: int) -> Meta:
    return Meta(description=f"Only models whose {column} is at {relation} this; {_MORE}", examples=[example])


def _time(column: str, relation: str) -> Meta:
    return Meta(
        description=f"Only models whose {column} is {relation} this time: RFC 3339, or a date, which means its "
        f"beginning in UTC; {_MORE}",
        examples=["2026-11-01T00:00:00Z"],
    )


class Scope(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The scope of a request. Compares by identity, which is enough: equal query strings are read once."""

    include_public: Annotated[bool, Meta(description="Include public models from other orgs")] = False

    def faults(self, settings: Settings) -> Iterator[InvalidField]:
        """Yield the errors that involve several parameters or the settings."""
        del settings
        yield from ()


class SnapshotsParameters(Scope, frozen=True, kw_only=True, eq=False):
    """The parameters of the list of snapshots."""

    def question(self, org: str) -> SnapshotsQuery:
        """Return the question about `org`."""
        return SnapshotsQuery(org=org, include_public=self.include_public)


class Dated(Scope, frozen=True, kw_only=True, eq=False):
    """The scope of a request, and the snapshot that answers it."""

    as_of: Annotated[
        str | None,
        Meta(
            description="Answer from an earlier snapshot: its id, or a time in RFC 3339, which means the newest one "
            "that is kept and was made by then (of a date: by its end). Only models that the caller sees now are shown",
            examples=["2026-12-31"],
        ),
    ] = None

    def faults(self, settings: Settings) -> Iterator[InvalidField]:
        """Yield the errors that involve several parameters or the settings."""
        yield from Scope.faults(self, settings)
        if self.as_of is not None and self.moment is None:
            yield invalid_field(
                "as_of", "Should be the id of a snapshot, a time in RFC 3339, or a date.", "datetime_parsing"
            )

    @property
    def moment(self) -> Moment | None:
        """The requested snapshot's id or time; for a date, its end. None if there is none, or if it is invalid."""
        if self.as_of is None or is_snapshot_id(self.as_of):
            return self.as_of
        moment = instant(self.as_of)
        return moment + _DAY if moment is not None and is_date(self.as_of) else moment


class Filters(Dated, frozen=True, kw_only=True, eq=False):
    """The search and the filters."""

    search: Annotated[str, Meta(max_length=MAX_SEARCH_LENGTH)] | None = None
    tags: tuple[Value, ...] = ()
    license: tuple[Value, ...] = ()
    task_categories: tuple[Value, ...] = ()
    framework: tuple[Value, ...] = ()
    size_category: tuple[Value, ...] = ()
    match: Annotated[
        tuple[Mode, ...],
        Meta(
            description="Whether models hold any or all of a facet's selected values: `tags:any`; repeated; of two for "
            "one facet, the last counts",
            examples=[["tags:any"]],
        ),
    ] = ()
    missing: Annotated[
        tuple[FacetParameter, ...],
        Meta(
            description="Select models without a value of this facet, as one more alternative inside of it; repeated",
            examples=[["license"]],
        ),
    ] = ()
    exclude: Annotated[
        tuple[Excluded, ...],
        Meta(
            description="Leave out models that hold a value: `license:gpl-3.0`, split at the first colon; repeated; a "
            f"value has at most {MAX_VALUE_LENGTH} characters",
            examples=[["license:gpl-3.0"]],
        ),
    ] = ()
    parameters_min: Annotated[Int64 | None, _bound("parameters", "least", 10**9)] = None
    parameters_max: Annotated[Int64 | None, _bound("parameters", "most", 10**10)] = None
    size_bytes_min: Annotated[Int64 | None, _bound("size_bytes", "least", 10**6)] = None
    size_bytes_max: Annotated[Int64 | None, _bound("size_bytes", "most", 10**9)] = None
    downloads_min: Annotated[Int64 | None, _bound("downloads", "least", 1000)] = None
    created_after: Annotated[datetime | None, _time("created_at", "at or after")] = None
    created_before: Annotated[datetime | None, _time("created_at", "before")] = None
    updated_after: Annotated[datetime | None, _time("updated_at", "at or after")] = None
    updated_before: Annotated[datetime | None, _time("updated_at", "before")] = None

    def faults(self, settings: Settings) -> Iterator[InvalidField]:
        """Yield the errors that involve several parameters or the settings."""
        yield from Dated.faults(self, settings)
        if len((self.search or "").split()) > MAX_SEARCH_TERMS:
            yield invalid_field("search", f"Should have at most {MAX_SEARCH_TERMS} terms.", "too_many")
        excluded = [value for _, value in _by_facet(self.exclude)]
        if any(len(value) > MAX_VALUE_LENGTH for value in excluded):
            yield invalid_field(
                "exclude", f"Should have at most {MAX_VALUE_LENGTH} characters after the colon.", "too_long"
            )
        counts = {name: len(getattr(self, name)) for name in (*BY_PARAMETER, "exclude")}
        if sum(counts.values()) > MAX_VALUES:
            for name in (name for name, count in counts.items() if count):
                yield invalid_field(name, f"All facets together should have at most {MAX_VALUES} values.", "too_many")

    def query(self, org: str, **more: Any) -> FacetQuery:
        """Return the query for the models of `org` that pass; `more` are arguments of `FacetQuery.of`.

        Without `more`, the query lists no facet's values.
        """
        excluded: dict[Facet, list[str]] = {}
        for facet, value in _by_facet(self.exclude):
            excluded.setdefault(facet, []).append(value)
        return FacetQuery.of(
            org,
            include_public=self.include_public,
            search=self.search or "",
            selected={facet: getattr(self, facet.parameter) for facet in FACETS},
            match=cast("Mapping[Facet, Match]", dict(_by_facet(self.match))),
            missing=[BY_PARAMETER[name] for name in self.missing],
            excluded=excluded,
            ranges=list(self._ranges()),
            as_of=self.moment,
            **(more or {"limit": 1, "wanted": ()}),
        )

    def _ranges(self) -> Iterator[Range]:
        bounds: tuple[tuple[Measure, Any, Any], ...] = (
            (PARAMETERS, self.parameters_min, self.parameters_max),
            (SIZE_BYTES, self.size_bytes_min, self.size_bytes_max),
            (DOWNLOADS, self.downloads_min, None),
            (CREATED_AT, self.created_after, self.created_before),
            (UPDATED_AT, self.updated_after, self.updated_before),
        )
        for measure, minimum, maximum in bounds:
            if minimum is not None or maximum is not None:
                yield Range(measure, minimum, maximum)


class FacetsParameters(Filters, frozen=True, kw_only=True, eq=False):
    """The parameters of all facets."""

    facet_limit: Annotated[
        int,
        Meta(description="Number of values to list for each facet, in addition to selected ones", ge=1, examples=[50]),
    ] = 1
    facet_limits: Annotated[
        tuple[OwnLimit, ...],
        Meta(
            description="The limit of one facet, by its parameter: `tags:50`; repeated; of two for one facet the last "
            "counts",
            examples=[["tags:50"]],
        ),
    ] = ()
    facets: Annotated[
        tuple[FacetKey, ...] | None,
        Meta(
            description="The facets to compute and list, by their keys in the answer, by comma or repeated; the others "
            "are empty",
            examples=[["tags", "licenses"]],
            extra={"comma": True},
        ),
    ] = None
    counts: Annotated[
        bool, Meta(description="Add `facets`, with a count for every value, and `stats`", examples=[True])
    ] = False
    timeline: Annotated[
        bool,
        Meta(
            description="Add `timeline`: how many of the models that pass were created in each month", examples=[True]
        ),
    ] = False

    def faults(self, settings: Settings) -> Iterator[InvalidField]:
        """Yield the errors that involve several parameters or the settings."""
        yield from Filters.faults(self, settings)
        try:
            for _, limit in _by_facet(self.facet_limits):
                whole_number(limit, 1, settings.facet_limit_max, of="facet:limit, and the limit ")
        except InvalidValue as error:
            yield invalid_field("facet_limits", str(error), error.kind)

    def question(self, org: str) -> FacetQuery:
        """Return the question about `org`."""
        return self.query(
            org,
            limit=self.facet_limit,
            limits={facet: int(limit) for facet, limit in _by_facet(self.facet_limits)},
            wanted=FACETS if self.facets is None else [BY_RESPONSE_KEY[key] for key in self.facets],
            with_statistics=self.counts,
            with_timeline=self.timeline,
        )


class ValuesParameters(Filters, frozen=True, kw_only=True, eq=False):
    """The parameters of one facet's values."""

    q: Annotated[
        Annotated[str, Meta(max_length=MAX_SEARCH_LENGTH)] | None,
        Meta(description="A fragment of the values; case and accents are ignored", examples=["apache"]),
    ] = None
    sort: Annotated[
        Literal["count", "value"],
        Meta(description="By count, most models first, or by value (sizes: by size)", examples=["value"]),
    ] = "count"
    limit: Annotated[int, Meta(description="Number of values to list", ge=1, examples=[20])] = VALUES_LIMIT
    offset: Annotated[int, Meta(description="Number of values to skip", ge=0, le=MAX_OFFSET, examples=[100])] = 0

    def question(self, org: str, facet: str) -> ValueQuery:
        """Return the question about `org` and a facet, by its response key."""
        return ValueQuery(
            query=self.query(org),
            facet=BY_RESPONSE_KEY[facet],
            fragment=fold((self.q or "").strip()),
            order=self.sort,
            offset=self.offset,
            limit=self.limit,
        )


Fields = Annotated[
    tuple[Column, ...],
    Meta(
        description="The columns of the record to answer with, by comma or repeated; all if none is named",
        examples=[["id", "name", "downloads"]],
        extra={"comma": True, "empty": True},
    ),
]


class ModelsParameters(Filters, frozen=True, kw_only=True, eq=False):
    """The parameters of the list of models."""

    sort: Annotated[
        Sort,
        Meta(
            description="What models are listed by, `-` for the greatest first; equal ones by id in the same "
            "direction; models without a value come last",
            examples=["-downloads"],
        ),
    ] = "-updated_at"
    limit: Annotated[int, Meta(description="Number of models on a page", ge=1, le=MODELS_LIMIT_MAX, examples=[20])] = (
        MODELS_LIMIT
    )
    cursor: Annotated[
        str | None,
        Meta(
            description="The `next_cursor` of an answer to the same question, from the same snapshot",
            examples=["k7IyMDI2MTEyNFQwMjAwMDBaLTNmOWPEDA"],
        ),
    ] = None
    fields: Fields = ()

    def question(self, org: str) -> ModelQuery:
        """Return the question about `org`. Raises `InvalidRequest` for a cursor of another list."""
        asked = ModelQuery(
            query=self.query(org),
            order=self.sort.lstrip("-"),
            descending=self.sort.startswith("-"),
            fields=_columns(self.fields),
            limit=self.limit,
        )
        if self.cursor is None:
            return asked
        if (cursor := cursors.decode(self.cursor, asked)) is None:
            raise _invalid(
                [invalid_field("cursor", "Should be the next_cursor of an answer to the same question.", "cursor")]
            )
        return replace(asked, edition=cursor.edition, offset=cursor.offset)


class RecordParameters(Dated, frozen=True, kw_only=True, eq=False):
    """The parameters of one model's record."""

    fields: Fields = ()

    def question(self, org: str, model_id: str) -> RecordQuery:
        """Return the question about the model with an id, in the scope of `org`."""
        everything = FacetQuery.of(org, limit=1, wanted=(), include_public=self.include_public, as_of=self.moment)
        return RecordQuery(query=everything, id=model_id, fields=_columns(self.fields))


ParametersT = TypeVar("ParametersT", bound=Scope)


def parameters_of(declared: type[ParametersT], sent: Pairs, settings: Settings) -> ParametersT:
    """Return the parameters of a query string. Raises `InvalidRequest` with all of their errors."""
    found, errors = read(declared, sent, bounds_of(declared, settings))
    errors += found.faults(settings)
    if errors:
        raise _invalid(errors)
    return found


def bounds_of(declared: type[msgspec.Struct], settings: Settings) -> Mapping[str, Bound]:
    """Return the limits from the settings of a Struct's parameters, by name."""
    maximum = settings.facet_limit_max
    if issubclass(declared, FacetsParameters):
        return {"facet_limit": Bound(maximum, settings.default_facet_limit)}
    if issubclass(declared, ValuesParameters):
        return {"limit": Bound(maximum, min(VALUES_LIMIT, maximum))}
    return {}


def _invalid(errors: Sequence[InvalidField]) -> InvalidRequest:
    return InvalidRequest("The request is not valid; see errors.", fields=tuple(errors))


def _by_facet(texts: Sequence[str]) -> Iterator[tuple[Facet, str]]:
    for text in texts:
        key, _, value = text.partition(":")
        yield BY_PARAMETER[key], value


def _columns(fields: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in RECORD.names if not fields or name in fields)
