"""The dictionary of a snapshot's facet values, which turns counts into lists of values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from facets_svc.catalogue import FACETS, Facet, fold
from facets_svc.facets.answer import FacetValues, ValuePage
from facets_svc.facets.query import FacetQuery, ValueQuery

IntegerArray = npt.NDArray[np.integer]
"""An array of integers of any width."""

Counts = npt.NDArray[np.int64]
"""Numbers of models by code, in an array as long as the dictionary. Code 0 counts all models."""

EVERY_MODEL: Final = 0
"""The code that all models hold."""

_PLACE_BITS: Final = 31

FIRST_VALUE: Final = 1 + len(FACETS)
"""The first code of a value. The codes between stand for a missing value, one per facet."""

_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_NUMBER = r"([0-9]+(?:\.[0-9]+)?)([KMBT]?)"
_SIZE: Final = re.compile(rf"([<>]?){_NUMBER}(?:-{_NUMBER})?")
_PREFIXES: Final = {"<": 0, "": 1, ">": 2}

SizeKey = tuple[Fraction, int, Fraction]


def size_key(label: str) -> SizeKey | None:
    """Return the sort key of a size label: its lower bound, `<` before plain before `>`, its upper bound.

    None for a label that does not match `[<>]?number[KMBT]?(-number[KMBT]?)?`.

    >>> size_key("<100M") < size_key("100M-500M") < size_key(">200B")
    True
    """
    match = _SIZE.fullmatch(label)
    if match is None:
        return None
    prefix, lower, lower_unit, upper, upper_unit = match.groups()
    bound = Fraction(lower) * _UNITS[lower_unit]
    return bound, _PREFIXES[prefix], Fraction(upper) * _UNITS[upper_unit] if upper else bound


@dataclass(frozen=True, slots=True)
class _Column:
    """The values of one facet.

    `codes` are in ascending order of the values, `folded` has the folded values in the same order. `ranks`, by code, is
    the facet's order if it is not that of the counts.
    """

    codes: npt.NDArray[np.int64]
    ranks: npt.NDArray[np.int64] | None
    folded: tuple[str, ...]


class Dictionary:
    """The facet values of a snapshot by their codes, and their order.

    `values` has the value of each code, `facets` the index of its facet; both have one item per code. The first codes
    are not values: 0 stands for all models, and n + 1 for a missing value of the facet of index n.
    """

    def __init__(self, values: Sequence[str], facets: Sequence[int]) -> None:
        self._values = values
        self.facets: npt.NDArray[np.uint8] = np.array(facets, np.uint8)
        codes = np.arange(FIRST_VALUE, len(values))
        by_value = self.by_value(codes.tolist())
        self._columns = [self._column(facet, by_value[facet.index]) for facet in FACETS]
        self._ordered = np.concatenate([column.codes for column in self._columns])
        self._places = np.zeros(len(values), np.int64)
        self._places[self._ordered] = np.arange(len(self._ordered))

    def __len__(self) -> int:
        """One more than the highest code."""
        return len(self._values)

    def counts(self, codes: IntegerArray | Sequence[int], models: IntegerArray | Sequence[int]) -> Counts:
        """Return the counts with `models[i]` at `codes[i]` and 0 elsewhere. Codes below 0 are ignored."""
        counts = np.zeros(len(self), np.int64)
        given, held = np.asarray(codes, np.int64), np.asarray(models, np.int64)
        are_codes = given >= 0
        counts[given[are_codes]] = held[are_codes]
        return counts

    def nothing(self) -> Counts:
        """Return counts that are all 0."""
        return np.zeros(len(self), np.int64)

    def by_value(self, codes: Sequence[int]) -> tuple[dict[str, int], ...]:
        """Return, by the index of the facet, those of `codes` that belong to it, by value."""
        facets = self.facets[np.asarray(codes, np.int64)].tolist()
        found: tuple[dict[str, int], ...] = tuple({} for _ in FACETS)
        for facet, code in zip(facets, codes, strict=True):
            found[facet][self._values[code]] = code
        return found

    def value(self, code: int) -> str | None:
        """Return the value of a code; None if the code is not a value."""
        return self._values[code] if code >= FIRST_VALUE else None

    def codes_of(self, facet: Facet) -> npt.NDArray[np.int64]:
        """Return the codes of a facet: of its values in ascending order, then of a missing value."""
        return np.append(self._columns[facet.index].codes, missing_code(facet))

    def list_facets(
        self, query: FacetQuery, counts: Counts, known: Sequence[Mapping[str, int]]
    ) -> tuple[FacetValues, ...]:
        """Return the listed values of every facet, by its index.

        `known` has, by the index of the facet, the codes of the query's values that the scope may hold, by value.
        """
        codes = self._by_count(np.flatnonzero(counts[FIRST_VALUE:]) + FIRST_VALUE, counts)
        facets = self.facets[codes]
        return tuple(self._list(facet, query, codes[facets == facet.index], counts, known) for facet in FACETS)

    def page(self, asked: ValueQuery, counts: Counts) -> ValuePage:
        """Return a page of one facet's values with a count above 0."""
        column = self._columns[asked.facet.index]
        places = np.flatnonzero(counts[column.codes])
        if asked.fragment:
            # Only values that count are searched: values that only other orgs hold must not take time.
            places = places[[asked.fragment in column.folded[place] for place in places.tolist()]]
        held = column.codes[places]
        codes = self._by_count(held, counts) if asked.order == "count" else _by_rank(column, held)
        listed = codes[asked.offset : asked.offset + asked.limit]
        return ValuePage(
            values=tuple(map(self._values.__getitem__, listed.tolist())),
            counts=tuple(counts[listed].tolist()),
            total_values=len(codes),
            missing_count=int(counts[missing_code(asked.facet)]),
        )

    def _list(
        self,
        facet: Facet,
        query: FacetQuery,
        held: npt.NDArray[np.int64],
        counts: Counts,
        known: Sequence[Mapping[str, int]],
    ) -> FacetValues:
        """List the first codes with a count, and all selected values, in the facet's order.

        `held` has the codes with a count, by descending count.
        """
        limit, selected = query.limits[facet.index], query.filters[facet.index].selected
        if not limit:
            return FacetValues()
        codes = known[facet.index]
        counting = {value: code for value in selected if (code := codes.get(value)) is not None and counts[code]}
        listed, cut = held[:limit], held[limit:]
        if len(cut) and counting:
            listed = np.concatenate([listed, cut[np.isin(cut, list(counting.values()))]])
        listed = _by_rank(self._columns[facet.index], listed)
        listed_counts = tuple(counts[listed].tolist())
        # Selected values without a count are listed too, so that a user can see and deselect them.
        absent = [value for value in selected if value not in counting]
        return FacetValues(
            values=(*map(self._values.__getitem__, listed.tolist()), *absent),
            counts=(*listed_counts, *(0 for _ in absent)),
            total_values=len(held),
            other_count=int(counts[held].sum()) - sum(listed_counts),
            missing_count=int(counts[missing_code(facet)]),
        )

    def _by_count(self, codes: npt.NDArray[np.int64], counts: Counts) -> npt.NDArray[np.int64]:
        """Return codes by descending count, then, within a facet, by value."""
        # One number holds both keys: sorting numbers is several times faster than sorting indices by two keys.
        keys = np.sort((-counts[codes] << _PLACE_BITS) + self._places[codes])
        ordered: npt.NDArray[np.int64] = self._ordered[keys & ((1 << _PLACE_BITS) - 1)]
        return ordered

    def _column(self, facet: Facet, by_value: Mapping[str, int]) -> _Column:
        # Python orders text by code point.
        values = sorted(by_value)
        codes = np.array([by_value[value] for value in values], np.int64)
        ranks = None
        if facet.order == "size":
            ranks = np.zeros(len(self), np.int64)
            ranks[codes] = _size_ranks(values)
        return _Column(codes, ranks, tuple(map(fold, values)))


def missing_code(facet: Facet) -> int:
    """Return the code of a missing value of `facet`."""
    return facet.index + 1


def _by_rank(column: _Column, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return codes by rank, in a stable order; unchanged if the facet has no ranks."""
    if column.ranks is None:
        return codes
    ordered: npt.NDArray[np.int64] = codes[np.argsort(column.ranks[codes], kind="stable")]
    return ordered


def _size_ranks(labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the rank of each label by size. Equal sizes share a rank; labels that are not sizes share the last one."""
    keys = [size_key(label) for label in labels]
    ranks = {key: rank for rank, key in enumerate(sorted({key for key in keys if key is not None}))}
    return np.array([len(ranks) if key is None else ranks[key] for key in keys], dtype=np.int64)
