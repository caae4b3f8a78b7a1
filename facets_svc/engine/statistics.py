"""How the numbers of the models that pass are spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from facets_svc.catalogue import MEASURES
from facets_svc.engine.index import Rows
from facets_svc.engine.instance import Cursor
from facets_svc.engine.selection import Selection
from facets_svc.engine.statements import whole
from facets_svc.facets.answer import Bin, Statistics

NUMBERS: Final = tuple(measure.column for measure in MEASURES if not measure.is_time)

_STEPS: Final = (1, 2, 5)
_HISTOGRAM: Final = ("measure", "exponent", "step", "models")


def statistics(
    cursor: Cursor, models: pa.Table, parts: Sequence[Rows], selections: Sequence[Selection] | None
) -> tuple[tuple[str, Statistics], ...]:
    """Return the statistics of each number over those of `models`, by row id, that are in the parts and pass.

    Quartiles do not add up over parts, so that all are asked for at once.
    """
    if selections is None:
        passing = pa.concat_tables([models.slice(0, 0), *(models.slice(part.first, len(part)) for part in parts)])
    else:
        rows = [np.zeros(0, np.int64), *(selection.passing for selection in selections)]
        passing = models.take(pa.array(np.concatenate(rows)))
    with cursor.seeing("models", passing):
        summary = cursor.row(whole("number_statistics"), {})
        histogram = cursor.columns(whole("number_histogram"), {})
    bins: list[list[Bin]] = [[] for _ in NUMBERS]
    for measure, exponent, step, count in zip(*(histogram[name].tolist() for name in _HISTOGRAM), strict=True):
        bins[measure].append(_bin(exponent, step, count))
    return tuple((name, _statistics(name, summary, bins[place])) for place, name in enumerate(NUMBERS))


def _statistics(name: str, summary: dict[str, Any], bins: Sequence[Bin]) -> Statistics:
    count = summary[f"{name}_count"]
    if not count:
        return Statistics(0)
    first, second, third = summary[f"{name}_quartiles"]
    return Statistics(
        count=count,
        minimum=summary[f"{name}_minimum"],
        maximum=summary[f"{name}_maximum"],
        mean=summary[f"{name}_mean"],
        quartiles=(first, second, third),
        histogram=tuple(bins),
    )


def _bin(exponent: int, step: int, count: int) -> Bin:
    if exponent < 0:
        return Bin(None, 1, count)
    lower = _STEPS[step] * 10**exponent
    upper = _STEPS[step + 1] * 10**exponent if step + 1 < len(_STEPS) else 10 ** (exponent + 1)
    return Bin(lower, upper, count)
