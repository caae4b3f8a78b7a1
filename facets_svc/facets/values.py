"""The dictionary of a snapshot's facet values, and how counts become lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from facets_svc.catalogue import FACETS, Facet
from facets_svc.facets.answer import FacetAnswer, FacetValues
from facets_svc.facets.query import FacetQuery

Counts = npt.NDArray[np.int64]
"""Models by code. Code 0 stands for the models themselves; the array is as long as the dictionary."""

EVERY_MODEL: Final = 0
"""The code that every model holds."""

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
    """The codes of one facet in ascending order of their values, with what they are ordered by first."""

    codes: npt.NDArray[np.int64]
    ranks: npt.NDArray[np.int64] | None


class Dictionary:
    """Every facet value of a snapshot by its code, and the order in which values are listed.

    `values` holds the value of each code (code 0 has none), `facets` the index of its facet.
    """

    def __init__(self, values: Sequence[str], facets: npt.NDArray[np.uint8]) -> None:
        self._values = values
        self._codes: list[dict[str, int]] = [{} for _ in FACETS]
        for code in range(1, len(values)):
            self._codes[facets[code]][values[code]] = code
        self._columns = [_column(facet, self._codes[facet.index]) for facet in FACETS]

    def __len__(self) -> int:
        """One more than the highest code."""
        return len(self._values)

    def code(self, facet: Facet, value: str) -> int | None:
        """Return the code of a value; None if the catalogue has never seen it."""
        return self._codes[facet.index].get(value)

    def codes_of(self, facet: Facet) -> npt.NDArray[np.int64]:
        """Return the codes of a facet's values."""
        return self._columns[facet.index].codes

    def answer(self, query: FacetQuery, *, total: int, counts: Counts) -> FacetAnswer:
        """List the values of every facet by their counts, as `query` asks."""
        return FacetAnswer(
            total=total,
            filtered_total=int(counts[EVERY_MODEL]),
            facets=tuple(self._list(facet, query.selected[facet.index], query.limit, counts) for facet in FACETS),
        )

    def _list(self, facet: Facet, selected: tuple[str, ...], limit: int, counts: Counts) -> FacetValues:
        """List the first `limit` values that count, and every selected one, in the facet's order."""
        column = self._columns[facet.index]
        found = counts[column.codes]
        # The codes are in ascending order of their values, and the sort is stable: of equal counts the lesser value.
        places = np.flatnonzero(found)
        places = places[np.argsort(-found[places], kind="stable")]
        listed = places[:limit]
        chosen = [code for value in selected if (code := self.code(facet, value)) is not None and counts[code]]
        if len(listed) < len(places) and chosen:
            cut = places[limit:]
            listed = np.concatenate([listed, cut[np.isin(column.codes[cut], chosen)]])
        truncated = len(listed) < len(places)
        if column.ranks is not None:
            listed = listed[np.argsort(column.ranks[listed], kind="stable")]
        codes = column.codes[listed]
        listed_counts = counts[codes].tolist()
        absent = [value for value in selected if (code := self.code(facet, value)) is None or not counts[code]]
        return FacetValues(
            values=(*(self._values[code] for code in codes.tolist()), *absent),
            counts=(*listed_counts, *(0 for _ in absent)),
            truncated=truncated,
        )


def _column(facet: Facet, codes: dict[str, int]) -> _Column:
    # Python orders text by code point.
    ordered = sorted(codes)
    return _Column(
        np.array([codes[value] for value in ordered], dtype=np.int64),
        _size_ranks(ordered) if facet.order == "size" else None,
    )


def _size_ranks(labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the rank of each label by size; equal sizes share one, and labels that do not read share the last."""
    keys = [size_key(label) for label in labels]
    ranks = {key: rank for rank, key in enumerate(sorted({key for key in keys if key is not None}))}
    return np.array([len(ranks) if key is None else ranks[key] for key in keys], dtype=np.int64)
