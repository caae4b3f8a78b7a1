"""How numbers are spread, from the row of `sql/facets/statistics.sql` and the counts of bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from facets_svc.catalogue import MEASURES
from facets_svc.facets.answer import Bin, Statistics

STATISTICS: Final = "facets/statistics"

NUMBERS: Final = tuple(measure.column for measure in MEASURES if not measure.is_time)

BOUNDS: Final = (*(step * 10**exponent for exponent in range(19) for step in (1, 2, 5)), 10**19)
"""The bounds of the bars, which are 1, 2, 5, 10, …; what is below 1 is in a bar of its own."""

BARS_OF_ONE: Final = 100
"""The bars of the number of index n are -`BARS_OF_ONE` * (n + 1), and those below it."""


def statistics(numbers: Sequence[Any], bars: Mapping[int, int]) -> tuple[tuple[str, Statistics], ...]:
    """Return the statistics of each number. `numbers` is the statement's row, `bars` has the models of each bar."""
    return tuple(
        (name, _statistics(numbers[5 * index : 5 * index + 5], bars, BARS_OF_ONE * (index + 1)))
        for index, name in enumerate(NUMBERS)
    )


def _statistics(numbers: Sequence[Any], models: Mapping[int, int], first: int) -> Statistics:
    count, minimum, maximum, total, quartiles = numbers
    if not count:
        return Statistics(0)
    below = [Bin(None, 1, models[-first])] if -first in models else []
    return Statistics(
        count=count,
        minimum=minimum,
        maximum=maximum,
        mean=int(total) / count,
        quartiles=tuple(quartiles),
        histogram=(
            *below,
            *(
                Bin(BOUNDS[bar], BOUNDS[bar + 1], models[-(first + 1 + bar)])
                for bar in range(len(BOUNDS) - 1)
                if -(first + 1 + bar) in models
            ),
        ),
    )
