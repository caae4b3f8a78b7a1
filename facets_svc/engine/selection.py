"""The selection of a query, as parameters of `sql/facets/selected.sql`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from facets_svc.catalogue import FACETS, TAGS, TASK_CATEGORIES, Facet, Match
from facets_svc.engine.index import Index
from facets_svc.facets.query import FacetFilter, FacetQuery
from facets_svc.facets.totals import Rows
from facets_svc.facets.values import FIRST_VALUE, missing_code

BITS: Final = 63
"""Number of tags with a bit in `tag_bits_0`, and in `tag_bits_1`. The commonest tag has the code `FIRST_VALUE`."""

_BITS_END: Final = FIRST_VALUE + 2 * BITS

_FILTERED: Final = (
    "tags_filtered",
    "license_filtered",
    "tasks_filtered",
    "framework_filtered",
    "size_category_filtered",
)
_NARROWS: Final = ("tags_narrow", "license_narrows", "tasks_narrow", "framework_narrows", "size_category_narrows")
_STAYS: Final = ("tags_stay", "license_stays", "tasks_stay", "framework_stays", "size_category_stays")
_NAMES: Final = ("tag", "license", "task", "framework", "size_category")
"""The name of each facet in its parameters, by the index of the facet."""

Parameters = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _CodeFilter:
    """The filter of one facet, in codes."""

    facet: Facet
    match: Match
    selected: tuple[int, ...] = ()
    excluded: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.selected or self.excluded)

    @property
    def leaves_itself_out(self) -> bool:
        """Whether the counts of the facet ignore this filter: it has the match mode *any*."""
        return bool(self) and self.match == "any"

    def parameters(self) -> Parameters:
        """Return the parameters that decide which models pass the filter."""
        name = _NAMES[self.facet.index]
        if self.facet == TAGS:
            return {
                "tags_any": self.match == "any" and bool(self.selected),
                **_tags(self.match, self.selected),
                **_tags("no", self.excluded),
            }
        parameters: Parameters = {f"no_{name}": list(self.excluded)}
        if self.facet == TASK_CATEGORIES:
            parameters |= {"tasks_any": self.match == "any" and bool(self.selected)}
            return parameters | {f"{self.match}_task": list(self.selected)}
        return parameters | {f"any_{name}": list(self.selected)}


@dataclass(frozen=True, slots=True)
class Selection:
    """The filters of a query: one per facet (by its index), ranges of numbers and times, and search terms.

    `known` has, by the index of the facet, the codes of the query's values that the scope may hold, by value. `others`
    are the parameters of ranges and search terms.
    """

    filters: tuple[_CodeFilter, ...]
    known: tuple[Mapping[str, int], ...]
    others: Parameters

    @classmethod
    def of(cls, query: FacetQuery, index: Index, parts: Sequence[Rows]) -> Self:
        """Return the selection of `query`, whose scope is `parts`.

        A value that no model of the scope can hold gets a code that no model holds, and is filtered by like any other:
        a value that only other orgs hold takes the same work as one that does not exist.
        """
        unknown = len(index.dictionary)
        known = tuple(
            index.codes(facet, (*asked.selected, *asked.excluded), parts)
            for facet, asked in zip(FACETS, query.filters, strict=True)
        )

        def codes(facet: Facet, values: Sequence[str]) -> set[int]:
            return {known[facet.index].get(value, unknown) for value in values}

        def resolved(facet: Facet, asked: FacetFilter) -> _CodeFilter:
            selected = codes(facet, asked.selected) | ({missing_code(facet)} if asked.missing else set())
            if asked.match == "all" and not facet.is_list and len(selected) > 1:
                selected = {unknown}  # no model holds two values of a facet that is not a list
            return _CodeFilter(facet, asked.match, tuple(sorted(selected)), tuple(sorted(codes(facet, asked.excluded))))

        return cls(
            filters=tuple(resolved(facet, asked) for facet, asked in zip(FACETS, query.filters, strict=True)),
            known=known,
            others=_ranges(query) | _terms(query, index),
        )

    def __bool__(self) -> bool:
        return bool(any(self.filters) or self.others)

    @property
    def alone(self) -> Facet | None:
        """The facet with the only filter, if its counts ignore that filter; else None."""
        narrowed = [asked for asked in self.filters if asked]
        if len(narrowed) != 1 or self.others or not narrowed[0].leaves_itself_out:
            return None
        return narrowed[0].facet

    def parameters(self, *, staying: Collection[Facet] = (), rare_tag: int | None = None) -> Parameters:
        """Return the parameters of the statement.

        Models that fail only the filter of a `staying` facet stay, if its counts ignore that filter. With `rare_tag`,
        the statement looks up the models with this tag instead of searching all models for it.
        """
        stay = {asked.facet for asked in self.filters if asked.leaves_itself_out and asked.facet in staying}
        parameters: Parameters = {**self.others, "several_stay": len(stay) > 1}
        for asked in self.filters:
            if asked:
                names = _STAYS if asked.facet in stay else _NARROWS
                parameters |= {_FILTERED[asked.facet.index]: True, names[asked.facet.index]: True, **asked.parameters()}
        if rare_tag is not None:
            parameters["rare_tag"] = rare_tag
            parameters["all_tag"] = [code for code in parameters["all_tag"] if code != rare_tag]
        return parameters

    def without(self, facet: Facet) -> Selection:
        """Return the selection without the filter of `facet`, if the facet's counts ignore it; else this selection."""
        if not self.filters[facet.index].leaves_itself_out:
            return self
        filters = tuple(_CodeFilter(facet, "any") if asked.facet == facet else asked for asked in self.filters)
        return Selection(filters, self.known, self.others)

    @property
    def rare_tag(self) -> int | None:
        """The code of the rarest tag that every selected model has, if few models have it; else None."""
        tags = self.filters[TAGS.index]
        rare = [code for code in tags.selected if code >= _BITS_END] if tags.match == "all" else []
        return max(rare, default=None)


def _tags(match: str, codes: Sequence[int]) -> Parameters:
    """Return the parameters of some tags: the bits of the common ones, and the codes of the others."""
    bits = [0, 0]
    for code in codes:
        if FIRST_VALUE <= code < _BITS_END:
            place, bit = divmod(code - FIRST_VALUE, BITS)
            bits[place] |= 1 << bit
    others = [code for code in codes if not FIRST_VALUE <= code < _BITS_END]
    return {f"{match}_tag_bits_0": bits[0] or None, f"{match}_tag_bits_1": bits[1] or None, f"{match}_tag": others}


def _ranges(query: FacetQuery) -> Parameters:
    parameters: Parameters = {}
    for bounds in query.ranges:
        if bounds.minimum is not None:
            parameters[f"{bounds.measure.column}_minimum"] = bounds.minimum
        if bounds.maximum is not None:
            parameters[f"{bounds.measure.column}_maximum"] = bounds.maximum
    return parameters


def _terms(query: FacetQuery, index: Index) -> Parameters:
    # A long term is likely to be rare, and rules out most models before the others are tried.
    terms = sorted(query.terms, key=lambda term: (-len(term), term))
    bits = {term: index.word_bits(term) for term in terms}
    found = {
        "term": [term for term in terms if not bits[term]],
        "frequent_term": [term for term in terms if bits[term]],
        "frequent_term_bits": [bits[term] for term in terms if bits[term]],
    }
    return {name: value for name, value in found.items() if value}
