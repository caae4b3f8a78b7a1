"""The values of a request, checked and made into a question.

Limits apply to what was sent, before white space, repeats and empty values are dropped. The parameters of a facet go by
its parameter's name, except for those that choose what is answered, which go by its key in the response.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, Literal

from facets_svc.catalogue import (
    CREATED_AT,
    DOWNLOADS,
    FACETS,
    MAX_VALUE_LENGTH,
    ORDERS,
    PARAMETERS,
    RECORD,
    SIZE_BYTES,
    UPDATED_AT,
    Facet,
    Match,
    Measure,
    fold,
    is_slug,
)
from facets_svc.errors import InvalidField, InvalidRequest
from facets_svc.facets.query import FacetQuery, ModelQuery, Moment, Range, SnapshotsQuery, ValueQuery
from facets_svc.lake.manifest import is_snapshot_id
from facets_svc.settings import Settings
from facets_svc.web import cursors
from facets_svc.web.reading import Reading

MAX_SEARCH_LENGTH: Final = 256
MAX_SEARCH_TERMS: Final = 16
MAX_VALUES: Final = 100
"""Selected and excluded values of a request, over all facets."""

VALUES_LIMIT: Final = 100
"""How many values a page has when nobody says so."""

MODELS_LIMIT: Final = 50
MODELS_LIMIT_MAX: Final = 200
"""How many models a page has when nobody says so, and at most."""

MAX_OFFSET: Final = 2**31 - 1

RANGES: Final[Mapping[Measure, tuple[str | None, str | None]]] = {
    PARAMETERS: ("parameters_min", "parameters_max"),
    SIZE_BYTES: ("size_bytes_min", "size_bytes_max"),
    DOWNLOADS: ("downloads_min", None),
    CREATED_AT: ("created_after", "created_before"),
    UPDATED_AT: ("updated_after", "updated_before"),
}
"""The parameters that bound a number or a time, from below and from above."""

VALUE_ORDERS: Final[Mapping[str, Literal["count", "value"]]] = {"count": "count", "value": "value"}
SORTS: Final = {sign + name: (name, bool(sign)) for name in ORDERS for sign in ("", "-")}
"""What models are listed by, and whether the greatest comes first."""

DEFAULT_SORT: Final = "-updated_at"
FIELDS: Final = {name: name for name in RECORD.names}
MODES: Final[Mapping[str, Match]] = {"any": "any", "all": "all"}
BY_PARAMETER: Final = {facet.parameter: facet for facet in FACETS}
BY_RESPONSE_KEY: Final = {facet.response_key: facet for facet in FACETS}

_DATE_LENGTH: Final = len("2026-11-24")
_DAY: Final = timedelta(days=1, microseconds=-1)

_INT64: Final = 2**63


def slug_in(org: str) -> str:
    """Return `org` if it is the slug of an org. Raises `InvalidRequest`."""
    if not is_slug(org):
        wrong = InvalidField(
            ("path", "org"), "Should start with a letter or digit and hold letters, digits, '.', '_' and '-'.", "slug"
        )
        raise InvalidRequest("The organization is not a slug.", fields=(wrong,))
    return org


def query_of(org: str, sent: Iterable[tuple[str, str]], settings: Settings) -> FacetQuery:
    """Return the query that the pairs of a query string ask for `org`.

    A scalar given twice counts once, the last one; unknown names are ignored. Raises `InvalidRequest` with everything
    that is wrong.
    """
    reading = Reading(sent)
    maximum = settings.facet_limit_max
    wanted = reading.names("facets", BY_RESPONSE_KEY)
    query = FacetQuery.of(
        org,
        **_filters(reading),
        limit=reading.whole_number("facet_limit", settings.default_facet_limit, 1, maximum),
        limits=dict(_limits(reading, maximum)),
        wanted=FACETS if wanted is None else wanted,
        with_statistics=reading.boolean("counts"),
    )
    _require_sound(reading)
    return query


def value_query_of(org: str, facet: Facet, sent: Iterable[tuple[str, str]], settings: Settings) -> ValueQuery:
    """Return the question for one facet's values, as `query_of` does."""
    reading = Reading(sent)
    fragment = (reading.last("q") or "").strip()
    reading.check_text("q", reading.all("q")[-1:], MAX_SEARCH_LENGTH)
    asked = ValueQuery(
        query=FacetQuery.of(org, **_filters(reading), limit=1, wanted=()),
        facet=facet,
        fragment=fold(fragment),
        order=reading.choice("sort", VALUE_ORDERS, "count"),
        offset=reading.whole_number("offset", 0, 0, MAX_OFFSET),
        limit=reading.whole_number("limit", default_values_limit(settings), 1, settings.facet_limit_max),
    )
    _require_sound(reading)
    return asked


def model_query_of(org: str, sent: Iterable[tuple[str, str]]) -> ModelQuery:
    """Return the question for a page of the models themselves, as `query_of` does."""
    reading = Reading(sent)
    order, descending = reading.choice("sort", SORTS, SORTS[DEFAULT_SORT])
    fields = reading.listed("fields", FIELDS)
    asked = ModelQuery(
        query=FacetQuery.of(org, **_filters(reading), limit=1, wanted=()),
        order=order,
        descending=descending,
        fields=tuple(name for name in FIELDS if not fields or name in fields),
        limit=reading.whole_number("limit", MODELS_LIMIT, 1, MODELS_LIMIT_MAX),
    )
    text = reading.last("cursor")
    if text is not None and not reading.wrong:
        if (cursor := cursors.decode(text, asked)) is None:
            reading.refuse("cursor", "Should be the next_cursor of an answer to the same question.", "cursor")
        else:
            asked = replace(asked, edition=cursor.edition, offset=cursor.offset)
    _require_sound(reading)
    return asked


def snapshots_query_of(org: str, sent: Iterable[tuple[str, str]]) -> SnapshotsQuery:
    """Return the question for the snapshots that may be asked, as `query_of` does."""
    reading = Reading(sent)
    asked = SnapshotsQuery(org=org, include_public=reading.boolean("include_public"))
    _require_sound(reading)
    return asked


def default_values_limit(settings: Settings) -> int:
    """Return how many values a page has when nobody says so."""
    return min(VALUES_LIMIT, settings.facet_limit_max)


def _require_sound(reading: Reading) -> None:
    if reading.wrong:
        raise InvalidRequest("The request is not valid; see errors.", fields=tuple(reading.wrong))


def _filters(reading: Reading) -> dict[str, Any]:
    """Return what narrows the scope, and the scope, by the keywords of `FacetQuery.of`."""
    return {
        "include_public": reading.boolean("include_public"),
        "search": _search(reading),
        **_values(reading),
        "match": dict(_modes(reading)),
        "missing": reading.repeated("missing", BY_PARAMETER),
        "ranges": list(_ranges(reading)),
        "as_of": _moment(reading),
    }


def _moment(reading: Reading) -> Moment | None:
    """Return the id of a snapshot, or the time, that is asked for; of a day its end."""
    text = reading.last("as_of")
    if text is None or is_snapshot_id(text):
        return text
    moment = reading.time("as_of")
    return moment + _DAY if moment is not None and len(text) == _DATE_LENGTH else moment


def _search(reading: Reading) -> str:
    text = reading.last("search") or ""
    reading.check_text("search", [text], MAX_SEARCH_LENGTH)
    if len(text.split()) > MAX_SEARCH_TERMS:
        reading.refuse("search", f"Should hold at most {MAX_SEARCH_TERMS} terms.", "too_many")
    return text


def _values(reading: Reading) -> dict[str, Mapping[Facet, Sequence[str]]]:
    """Return the selected and the excluded values, by the keywords of `FacetQuery.of`."""
    selected = {facet: reading.all(facet.parameter) for facet in FACETS}
    excluded: dict[Facet, list[str]] = {}
    for facet, value in reading.by_facet("exclude", BY_PARAMETER, "value"):
        excluded.setdefault(facet, []).append(value)
    texts = {facet.parameter: values for facet, values in selected.items()}
    texts["exclude"] = [value for values in excluded.values() for value in values]
    for name, values in texts.items():
        reading.check_text(name, values, MAX_VALUE_LENGTH)
    if sum(map(len, texts.values())) > MAX_VALUES:
        for name in (name for name, values in texts.items() if values):
            reading.refuse(name, f"All facets together should have at most {MAX_VALUES} values.", "too_many")
    return {"selected": selected, "excluded": excluded}


def _modes(reading: Reading) -> Iterator[tuple[Facet, Match]]:
    for facet, text in reading.by_facet("match", BY_PARAMETER, "mode"):
        if (mode := MODES.get(text)) is None:
            reading.refuse("match", f"Should be facet:mode, and the mode one of {', '.join(MODES)}.", "enum")
            return
        yield facet, mode


def _limits(reading: Reading, maximum: int) -> Iterator[tuple[Facet, int]]:
    for facet, text in reading.by_facet("facet_limits", BY_PARAMETER, "limit"):
        if (limit := reading.number("facet_limits", text, 1, maximum, of="facet:limit, and the limit ")) is None:
            return
        yield facet, limit


def _ranges(reading: Reading) -> Iterator[Range]:
    for measure, (lower, upper) in RANGES.items():
        minimum, maximum = (_bound(reading, measure, name) if name else None for name in (lower, upper))
        if minimum is not None or maximum is not None:
            yield Range(measure, minimum, maximum)


def _bound(reading: Reading, measure: Measure, name: str) -> Any:
    if measure.is_time:
        return reading.time(name)
    return reading.whole_number(name, None, -_INT64, _INT64 - 1)
