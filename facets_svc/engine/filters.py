"""What narrows a scope, in the engine's terms: codes instead of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from facets_svc.catalogue import FACETS, Facet, Match
from facets_svc.engine.index import Index, Rows
from facets_svc.facets.query import FacetFilter, FacetQuery, Range
from facets_svc.facets.values import missing_code


@dataclass(frozen=True, slots=True)
class CodeFilter:
    """What is asked of one facet."""

    match: Match
    selected: tuple[int, ...] = ()
    excluded: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.selected or self.excluded)


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows a scope: one filter a facet (by its index), ranges of numbers and times, and search terms.

    `known` are, by facet, the codes of those values asked for that the scope may hold.
    """

    by_facet: tuple[CodeFilter, ...]
    known: tuple[Mapping[str, int], ...]
    ranges: tuple[Range, ...]
    terms: tuple[str, ...]

    @classmethod
    def of(cls, query: FacetQuery, index: Index, parts: Sequence[Rows]) -> Self:
        """Return the filters of `query`, whose scope is `parts`.

        A value that no model of the scope can hold gets a code that no model holds, and is looked for like any other:
        so what only others know is the same work as what nobody knows, however many such values are asked for.
        """
        unknown = len(index.dictionary)
        known = tuple(
            index.codes(facet, (*asked.selected, *asked.excluded), parts)
            for facet, asked in zip(FACETS, query.filters, strict=True)
        )

        def codes(facet: Facet, values: Sequence[str]) -> set[int]:
            return {known[facet.index].get(value, unknown) for value in values}

        def resolved(facet: Facet, asked: FacetFilter) -> CodeFilter:
            selected = codes(facet, asked.selected) | ({missing_code(facet)} if asked.missing else set())
            if asked.match == "all" and not facet.is_list and len(selected) > 1:
                selected = {unknown}  # no model holds two values of a facet that is no list
            return CodeFilter(asked.match, tuple(sorted(selected)), tuple(sorted(codes(facet, asked.excluded))))

        return cls(
            by_facet=tuple(resolved(facet, asked) for facet, asked in zip(FACETS, query.filters, strict=True)),
            known=known,
            ranges=query.ranges,
            # A long term is likely to be rare, and rules a model out before the others are looked for.
            terms=tuple(sorted(query.terms, key=lambda term: (-len(term), term))),
        )

    def __bool__(self) -> bool:
        return bool(any(self.by_facet) or self.needs_reading)

    @property
    def needs_reading(self) -> bool:
        """Whether texts or numbers have to be read, which only DuckDB holds."""
        return bool(self.ranges or self.terms)

    @property
    def alone(self) -> Facet | None:
        """The facet whose filter is the only one, and which its own counts leave out; None if there is more to it."""
        narrowed = [facet for facet in FACETS if self.by_facet[facet.index]]
        if len(narrowed) != 1 or self.needs_reading or not self.leaves_out(narrowed[0]):
            return None
        return narrowed[0]

    def leaves_out(self, facet: Facet) -> bool:
        """Whether the counts of `facet` leave out a filter: its own, if any of its values will do."""
        own = self.by_facet[facet.index]
        return bool(own) and own.match == "any"

    def bounds(self) -> dict[str, Any]:
        """Return the ranges as parameters of `sql/facets/matching.sql`."""
        parameters: dict[str, Any] = {}
        for bounds in self.ranges:
            if bounds.minimum is not None:
                parameters[f"{bounds.measure.column}_minimum"] = bounds.minimum
            if bounds.maximum is not None:
                parameters[f"{bounds.measure.column}_maximum"] = bounds.maximum
        return parameters
