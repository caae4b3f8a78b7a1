"""What narrows a scope, in the engine's terms: codes instead of values."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from facets_svc.catalogue import FACETS, Facet, Match
from facets_svc.engine.index import Index
from facets_svc.facets.query import FacetFilter, FacetQuery, Range
from facets_svc.facets.values import Counts, missing_code

Codes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CodeFilter:
    """What is asked of one facet; codes are in ascending order of the public models that hold them."""

    match: Match
    selected: Codes = ()
    excluded: Codes = ()

    def __bool__(self) -> bool:
        return bool(self.selected or self.excluded)


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows a scope: one filter a facet (by its index), ranges of numbers and times, and search terms.

    `public_totals` tells how many public models hold each code: no choice is made by any other count.
    """

    by_facet: tuple[CodeFilter, ...]
    ranges: tuple[Range, ...]
    terms: tuple[str, ...]
    public_totals: Counts

    @classmethod
    def of(cls, query: FacetQuery, index: Index) -> Self:
        """Return the filters of `query`."""
        # A value that the catalogue has never seen gets a code that no model holds, and is looked for like any other.
        unknown = len(index.dictionary)

        def codes(facet: Facet, values: Iterable[str]) -> set[int]:
            return {index.dictionary.code(facet, value) or unknown for value in values}

        def ordered(found: set[int]) -> Codes:
            return tuple(sorted(found, key=lambda code: (_models(index.public_totals, code), code)))

        def resolved(facet: Facet, asked: FacetFilter) -> CodeFilter:
            selected = codes(facet, asked.selected) | ({missing_code(facet)} if asked.missing else set())
            if asked.match == "all" and not facet.is_list and len(selected) > 1:
                selected = {unknown}  # no model holds two values of a facet that is no list
            return CodeFilter(asked.match, ordered(selected), ordered(codes(facet, asked.excluded)))

        return cls(
            by_facet=tuple(resolved(facet, asked) for facet, asked in zip(FACETS, query.filters, strict=True)),
            ranges=query.ranges,
            # A long term is likely to be rare, and rules a model out before the others are looked for.
            terms=tuple(sorted(query.terms, key=lambda term: (-len(term), term))),
            public_totals=index.public_totals,
        )

    def __bool__(self) -> bool:
        return bool(any(self.by_facet) or self.ranges or self.terms)

    def leaves_out(self, facet: Facet) -> bool:
        """Whether the counts of `facet` leave out a filter: its own, if any of its values will do."""
        own = self.by_facet[facet.index]
        return bool(own) and own.match == "any"

    def without(self, facet: Facet) -> Filters:
        """Return the same filters without the facet's own."""
        return self._with(facet, CodeFilter(self.by_facet[facet.index].match))

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of `sql/facets/passing.sql`; none for what narrows nothing."""
        parameters: dict[str, Any] = {}
        for facet, own in zip(FACETS, self.by_facet, strict=True):
            # Of a facet that is no list, to hold all of one value is to hold any of it.
            match = own.match if facet.is_list else "any"
            if own.selected:
                parameters[f"{match}_{facet.response_key}"] = list(own.selected)
            if own.excluded:
                parameters[f"excluded_{facet.response_key}"] = list(own.excluded)
        for bounds in self.ranges:
            if bounds.minimum is not None:
                parameters[f"{bounds.measure.column}_minimum"] = bounds.minimum
            if bounds.maximum is not None:
                parameters[f"{bounds.measure.column}_maximum"] = bounds.maximum
        if self.terms:
            parameters["terms"] = list(self.terms)
        return parameters

    def driver(self, share: int) -> Driver | None:
        """Return the filter to start from, if at most one public model in `share` passes it; otherwise None."""
        drivers = [self._driver(facet, own) for facet, own in zip(FACETS, self.by_facet, strict=True) if own.selected]
        rarest = min(drivers, key=lambda driver: self._public_models(driver.codes), default=None)
        if rarest is None or self._public_models(rarest.codes) * share > self.public_totals[0]:
            return None
        return rarest

    def _driver(self, facet: Facet, own: CodeFilter) -> Driver:
        if own.match == "any":
            return Driver(own.selected, self._with(facet, dataclasses.replace(own, selected=())))
        return Driver(own.selected[:1], self._with(facet, dataclasses.replace(own, selected=own.selected[1:])))

    def _with(self, facet: Facet, own: CodeFilter) -> Filters:
        others = self.by_facet
        return dataclasses.replace(self, by_facet=(*others[: facet.index], own, *others[facet.index + 1 :]))

    def _public_models(self, codes: Codes) -> int:
        """Return how many public models hold the codes; one that holds several counts for each."""
        return sum(_models(self.public_totals, code) for code in codes)


@dataclass(frozen=True, slots=True)
class Driver:
    """A filter to start from: the models that pass it are those that hold one of the codes. The rest is still to do."""

    codes: Codes
    rest: Filters


def _models(totals: Counts, code: int) -> int:
    return int(totals[code]) if code < len(totals) else 0
