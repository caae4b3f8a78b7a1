"""The values of a request, checked and made into a query.

Limits apply to what was sent, before white space, repeats and empty values are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from facets_svc.catalogue import FACETS, MAX_VALUE_LENGTH, Facet, is_slug
from facets_svc.errors import InvalidField, InvalidRequest
from facets_svc.facets.query import FacetQuery
from facets_svc.settings import Settings

MAX_SEARCH_LENGTH: Final = 256
MAX_SEARCH_TERMS: Final = 16
MAX_VALUES: Final = 100
"""Selected values of a request, over all facets."""

_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,20}")


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
    reading = _Reading(sent)
    query = FacetQuery.of(
        org,
        include_public=reading.boolean("include_public"),
        search=reading.search("search"),
        selected=reading.selected(),
        limit=reading.whole_number("facet_limit", settings.default_facet_limit, settings.facet_limit_max),
    )
    if reading.wrong:
        raise InvalidRequest("The request is not valid; see errors.", fields=tuple(reading.wrong))
    return query


class _Reading:
    """Reads one parameter after the other, and keeps what is wrong with them."""

    def __init__(self, sent: Iterable[tuple[str, str]]) -> None:
        self.wrong: list[InvalidField] = []
        self._values: dict[str, list[str]] = {}
        for name, value in sent:
            self._values.setdefault(name, []).append(value)

    def boolean(self, name: str) -> bool:
        text = self._last(name)
        if text is None:
            return False
        value = _BOOLEANS.get(text.lower())
        if value is None:
            self._refuse(name, "Should be true, false, 1 or 0.", "bool_parsing")
        return bool(value)

    def whole_number(self, name: str, default: int, maximum: int) -> int:
        text = self._last(name)
        if text is None:
            return default
        if not _WHOLE_NUMBER.fullmatch(text):
            self._refuse(name, "Should be a whole number.", "int_parsing")
            return default
        if not 1 <= int(text) <= maximum:
            self._refuse(name, f"Should be between 1 and {maximum}.", "out_of_range")
        return int(text)

    def search(self, name: str) -> str:
        text = self._last(name) or ""
        self._check_text(name, [text], MAX_SEARCH_LENGTH)
        if len(text.split()) > MAX_SEARCH_TERMS:
            self._refuse(name, f"Should hold at most {MAX_SEARCH_TERMS} terms.", "too_many")
        return text

    def selected(self) -> Mapping[Facet, list[str]]:
        selected = {facet: self._values.get(facet.parameter, []) for facet in FACETS}
        for facet, values in selected.items():
            self._check_text(facet.parameter, values, MAX_VALUE_LENGTH)
        if sum(map(len, selected.values())) > MAX_VALUES:
            for facet in (facet for facet, values in selected.items() if values):
                self._refuse(
                    facet.parameter, f"All facets together should have at most {MAX_VALUES} values.", "too_many"
                )
        return selected

    def _check_text(self, name: str, texts: list[str], longest: int) -> None:
        if any(len(text) > longest for text in texts):
            self._refuse(name, f"Should have at most {longest} characters.", "too_long")
        if any("\0" in text for text in texts):
            self._refuse(name, "Should not hold NUL.", "nul")

    def _last(self, name: str) -> str | None:
        values = self._values.get(name)
        return values[-1] if values else None

    def _refuse(self, name: str, message: str, kind: str) -> None:
        self.wrong.append(InvalidField(("query", name), message, kind))
