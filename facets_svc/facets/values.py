"""The dictionary of a snapshot's facet values, and how counts become lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from facets_svc.catalogue import FACETS, Facet, fold
from facets_svc.facets.answer import FacetValues, ValuePage
from facets_svc.facets.query import FacetQuery, ValueQuery

Counts = npt.NDArray[np.int64]
"""Models by code. Code 0 stands for the models themselves; the array is as long as the dictionary."""

EVERY_MODEL: Final = 0
"""The code that every model holds."""

_PLACE_BITS: Final = 31

FIRST_VALUE: Final = 1 + len(FACETS)
"""The first code that is a value: those between stand for having none of a facet."""

_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_NUMBER = r"([0-9]+(?:\.[0-9]+)?)([KMBT]?)"
_SIZE: Final = re.compile(rf"([<>]?){_NUMBER}(?:-{_NUMBER})?")
_PREFIXES: Final = {"<": 0, "": 1, ">": 2}

SizeKey = tuple[Fraction, int, Fraction]


def size_key(label: str) -> SizeKey | None:
    """Return what a size label is ordered by: its lower bound, `<` before plain before `>`, its upper bound.

    None for a label that does not read, whole, as `[<>]?number[KMBT]?(-number[KMBT]?)?`.

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
    """The codes of one facet in ascending order of their values, with what they are ordered by first.

    `folded` are the folded values, by which they are searched, in the same order.
    """

    codes: npt.NDArray[np.int64]
    ranks: npt.NDArray[np.int64] | None
    folded: tuple[str, ...]


class Dictionary:
    """Every facet value of a snapshot by its code, and the order in which values are listed.

    `values` holds the value of each code, `facets` the index of its facet. The first codes are no values: 0 stands for
    every model, and n + 1 for those without a value of the facet of index n.
    """

    def __init__(self, values: Sequence[str], facets: npt.NDArray[np.uint8]) -> None:
        self._values = values
        self.facets = facets
        self._codes: list[dict[str, int]] = [{} for _ in FACETS]
        for code in range(FIRST_VALUE, len(values)):
            self._codes[facets[code]][values[code]] = code
        self._columns = [_column(facet, self._codes[facet.index]) for facet in FACETS]
        self._places = np.zeros(len(values), np.int64)
        for column in self._columns:
            self._places[column.codes] = np.arange(len(column.codes))

    def __len__(self) -> int:
        """One more than the highest code."""
        return len(self._values)

    def code(self, facet: Facet, value: str) -> int | None:
        """Return the code of a value; None if the catalogue has never seen it."""
        return self._codes[facet.index].get(value)

    def value(self, code: int) -> str | None:
        """Return the value of a code; None for one that is no value."""
        return self._values[code] if code >= FIRST_VALUE else None

    def codes_of(self, facet: Facet) -> npt.NDArray[np.int64]:
        """Return the codes of a facet: of its values, and of having none."""
        return np.append(self._columns[facet.index].codes, missing_code(facet))

    def list_facets(self, query: FacetQuery, counts: Counts) -> tuple[FacetValues, ...]:
        """List the values of every facet by their counts, as `query` asks."""
        held = np.flatnonzero(counts[FIRST_VALUE:]) + FIRST_VALUE
        facets = self.facets[held]
        return tuple(self._list(facet, query, held[facets == facet.index], counts) for facet in FACETS)

    def page(self, asked: ValueQuery, counts: Counts) -> ValuePage:
        """List a page of one facet's values by their counts."""
        column = self._columns[asked.facet.index]
        held = column.codes[counts[column.codes] > 0]
        if asked.fragment:
            # Only what counts is read: what others keep private must not take time.
            read = self._places[held].tolist()
            held = held[[asked.fragment in column.folded[place] for place in read]]
        places = self._by_count(held, counts) if asked.order == "count" else _by_size(column, self._places[held])
        codes = column.codes[places[asked.offset : asked.offset + asked.limit]]
        return ValuePage(
            values=tuple(map(self._values.__getitem__, codes.tolist())),
            counts=tuple(counts[codes].tolist()),
            total_values=len(places),
            missing_count=int(counts[missing_code(asked.facet)]),
        )

    def _list(self, facet: Facet, query: FacetQuery, held: npt.NDArray[np.int64], counts: Counts) -> FacetValues:
        """List the first values of those `held` codes that count, and every selected one, in the facet's order."""
        limit, selected = query.limits[facet.index], query.filters[facet.index].selected
        if not limit:
            return FacetValues()
        column = self._columns[facet.index]
        places = self._by_count(held, counts)
        listed = places[:limit]
        known = {value: code for value in selected if (code := self.code(facet, value)) is not None and counts[code]}
        if len(listed) < len(places) and known:
            cut = places[limit:]
            listed = np.concatenate([listed, cut[np.isin(column.codes[cut], list(known.values()))]])
        codes = column.codes[_by_size(column, listed)]
        listed_counts = tuple(counts[codes].tolist())
        # Of what is selected and counts nothing, too: whoever has chosen it wants to see it, to take it back.
        absent = [value for value in selected if value not in known]
        return FacetValues(
            values=(*map(self._values.__getitem__, codes.tolist()), *absent),
            counts=(*listed_counts, *(0 for _ in absent)),
            total_values=len(places),
            other_count=int(counts[held].sum()) - sum(listed_counts),
            missing_count=int(counts[missing_code(facet)]),
        )

    def _by_count(self, held: npt.NDArray[np.int64], counts: Counts) -> npt.NDArray[np.int64]:
        """Return the places of codes of a facet, by descending count; of equal counts the lesser place comes first."""
        # Both in one number, since to sort numbers is several times faster than to sort places by them.
        keys = np.sort((-counts[held] << _PLACE_BITS) + self._places[held])
        ordered: npt.NDArray[np.int64] = keys & ((1 << _PLACE_BITS) - 1)
        return ordered


def missing_code(facet: Facet) -> int:
    """Return the code of having no value of `facet`."""
    return facet.index + 1


def _by_size(column: _Column, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the places by the size that their values read as; of a facet without sizes as they are."""
    if column.ranks is None:
        return places
    ordered: npt.NDArray[np.int64] = places[np.argsort(column.ranks[places], kind="stable")]
    return ordered


def _column(facet: Facet, codes: dict[str, int]) -> _Column:
    # Python orders text by code point.
    ordered = sorted(codes)
    return _Column(
        np.array([codes[value] for value in ordered], dtype=np.int64),
        _size_ranks(ordered) if facet.order == "size" else None,
        tuple(fold(value) for value in ordered),
    )


def _size_ranks(labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the rank of each label by size; equal sizes share one, and labels that do not read share the last."""
    keys = [size_key(label) for label in labels]
    ranks = {key: rank for rank, key in enumerate(sorted({key for key in keys if key is not None}))}
    return np.array([len(ranks) if key is None else ranks[key] for key in keys], dtype=np.int64)
