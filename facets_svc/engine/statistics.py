"""How the numbers of the models that pass are spread.

Beside each number lies the byte of its bin. To count bytes is to have the histogram, which tells in which bins the
quartiles, the least and the greatest are: only what those few bins hold is put in order. The numbers of all public
models are in order already.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from facets_svc.catalogue import MEASURES
from facets_svc.engine.index import Rows
from facets_svc.engine.selection import Selection
from facets_svc.facets.answer import Bin, Statistics

NUMBERS: Final = tuple(measure.column for measure in MEASURES if not measure.is_time)

_NO_NUMBER: Final = 0
"""The bin of models without one; 1 is that of all that is below 1, and 2 begins at the first of the bounds."""

_BARS: Final = tuple(step * 10**exponent for exponent in range(19) for step in (1, 2, 5))
_END: Final = 10**19
_BINS_A_BAR: Final = 4
"""What a bar of the histogram counts is in so many bins: the smaller they are, the fewer numbers are put in order."""

_BOUNDS: Final = tuple(
    lower + (upper - lower) * part // _BINS_A_BAR
    for lower, upper in zip(_BARS, (*_BARS[1:], _END), strict=True)
    for part in range(_BINS_A_BAR)
)
_BINS: Final = len(_BOUNDS) + 2

_FEW: Final = 1024
"""So many numbers, or fewer, are put in order whole: to look for their bins takes longer."""

Numbers = npt.NDArray[np.int64]
Bins = npt.NDArray[np.uint8]


class Spreads:
    """The numbers of every model, by row id, and how those of some are spread."""

    def __init__(self, models: pa.Table, public: Rows) -> None:
        self._public = public
        self._columns = [_Column(models.column(name), public) for name in NUMBERS]

    def over(self, parts: Sequence[Rows], selections: Sequence[Selection] | None) -> tuple[tuple[str, Statistics], ...]:
        """Return the statistics of each number over the models of the parts that pass: all, if nothing is selected."""
        with_public = selections is None and self._public in parts
        if selections is None:
            others = [part for part in parts if part != self._public]
            rows = [np.arange(part.first, part.end) for part in others]
        else:
            rows = [selection.passing for selection in selections]
        every = np.concatenate(rows) if rows else np.zeros(0, np.int64)
        return tuple(
            (name, column.statistics(every, with_public=with_public))
            for name, column in zip(NUMBERS, self._columns, strict=True)
        )


class _Column:
    """One number of every model, with its bin; and those of the public models in ascending order."""

    def __init__(self, column: pa.ChunkedArray, public: Rows) -> None:
        held = column.combine_chunks()
        missing = held.is_null().to_numpy(zero_copy_only=False)
        # Without a number there is a 0, which no sum minds; Arrow has it there by itself as a rule.
        self._numbers: Numbers = np.frombuffer(held.buffers()[1], np.int64, len(held), held.offset * 8)
        if self._numbers[missing].any():
            self._numbers = np.where(missing, 0, self._numbers)
        self._bins = (np.searchsorted(_BOUNDS, self._numbers, side="right") + 1).astype(np.uint8)
        self._bins[missing] = _NO_NUMBER
        of_public = slice(public.first, public.end)
        bins = self._bins[of_public]
        self._public = np.sort(self._numbers[of_public][bins != _NO_NUMBER])
        self._public_counts = _counts(bins)
        self._public_sum = _sum(self._public)

    def statistics(self, rows: npt.NDArray[np.int64], *, with_public: bool) -> Statistics:
        """Return how the numbers of some rows, and of all public ones if they are among them, are spread."""
        bins = self._bins[rows]
        counts = _counts(bins)
        numbers = self._numbers[rows]
        if with_public:
            ordered = _Ordered(numbers, bins, self._public, self._public_counts)
            return _statistics(ordered, counts + self._public_counts, _sum(numbers) + self._public_sum)
        return _statistics(_Ordered(numbers, bins, self._public[:0], counts * 0), counts, _sum(numbers))


class _Ordered:
    """Numbers with their bins, and others that are in ascending order, as if all were."""

    def __init__(self, numbers: Numbers, bins: Bins, ordered: Numbers, ordered_counts: Numbers) -> None:
        self._numbers = numbers
        self._bins = bins
        self._ordered = ordered
        self._ordered_counts = ordered_counts

    def at(self, places: Numbers, counts: Numbers) -> Numbers:
        """Return the numbers at some places, ascending ones; `counts` are those of the bins."""
        if len(self._ordered) and len(self._numbers) <= _FEW:
            return _merged(np.sort(self._numbers[self._bins != _NO_NUMBER]), self._ordered, places)
        bins = np.searchsorted(np.cumsum(counts), places, side="right")
        different = sorted({*bins.tolist()})
        needed = np.zeros(_BINS, np.bool_)
        needed[different] = True
        within = places - np.cumsum(np.where(needed, 0, counts))[bins]
        among = np.zeros(len(self._bins), np.bool_)
        for held in different:
            among |= self._bins == held  # one after the other: bytes are compared many at a time
        numbers = self._numbers[np.flatnonzero(among)]
        if not len(self._ordered):
            found: Numbers = np.partition(numbers, within)[within]
            return found
        return _merged(np.sort(numbers), self._ordered[np.repeat(needed, self._ordered_counts)], within)


def _merged(few: Numbers, many: Numbers, places: Numbers) -> Numbers:
    """Return what stands at some places of two ascending arrays as if they were one."""
    own_places = np.searchsorted(many, few) + np.arange(len(few))
    before = np.searchsorted(own_places, places)
    return np.array(
        [
            few[passed] if passed < len(few) and own_places[passed] == place else many[place - passed]
            for place, passed in zip(places.tolist(), before.tolist(), strict=True)
        ]
    )


def _sum(numbers: Numbers) -> int:
    # What is summed up tells how, and not what others hold: they must not take time.
    if len(numbers) * max(1, -int(numbers.min(initial=0)), int(numbers.max(initial=0))) < 2**63:
        return int(numbers.sum())
    # In halves, which do not overflow.
    return (int((numbers >> 32).sum()) << 32) + int((numbers & 0xFFFFFFFF).sum())


def _counts(bins: Bins) -> Numbers:
    """Return how many numbers each bin holds; those that are none are not counted."""
    counts = np.bincount(bins, minlength=_BINS)
    counts[_NO_NUMBER] = 0
    return counts


def _statistics(ordered: _Ordered, counts: Numbers, total: int) -> Statistics:
    count = int(counts.sum())
    if not count:
        return Statistics(0)
    quartiles = [-(-count * quarter // 4) - 1 for quarter in (1, 2, 3)]
    minimum, first, second, third, maximum = ordered.at(np.array([0, *quartiles, count - 1]), counts).tolist()
    return Statistics(
        count=count,
        minimum=minimum,
        maximum=maximum,
        mean=total / count,
        quartiles=(first, second, third),
        histogram=_histogram(counts),
    )


def _histogram(counts: Numbers) -> tuple[Bin, ...]:
    below = [Bin(None, 1, int(counts[1]))] if counts[1] else []
    bars = counts[2:].reshape(len(_BARS), _BINS_A_BAR).sum(axis=1)
    bounds = (*_BARS, _END)
    return (*below, *(Bin(bounds[bar], bounds[bar + 1], int(bars[bar])) for bar in np.flatnonzero(bars).tolist()))
