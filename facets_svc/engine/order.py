"""The orders that models are listed in, in memory, and how a page of some of them is found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from facets_svc.catalogue import ORDERS
from facets_svc.engine.columns import RowIds
from facets_svc.engine.index import Rows
from facets_svc.lake.snapshot import Snapshot

Places = npt.NDArray[np.uint32]

_TURNED: Final = np.uint32(0x7FFF_FFFF)
"""The bits of a place that are turned over for the descending order; the other one puts models without a value last."""

_SAMPLE: Final = 8192
_MARGIN: Final = 256
"""A sample of so many places tells between which of them a page lies, give or take so many: five deviations."""


class Order:
    """By every column of `ORDERS`, the place of each model among all, by row id. No two have the same place.

    Only the places of rows that the caller may see are ever looked at; and a place tells how many models of others come
    before, so that none leaves the engine.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._places: dict[str, Places] = {}
        for column in ORDERS:
            table = pq.read_table(snapshot.index_file("model_order"), columns=[column])
            self._places[column] = table.column(column).to_numpy().copy()

    def page(
        self, parts: Sequence[Rows | RowIds], *, column: str, descending: bool, first: int, count: int
    ) -> npt.NDArray[np.int64]:
        """Return the row ids of at most `count` models of the parts, in order, after passing over `first` of them."""
        places = self._places[column]
        found = [places[part.first : part.end] if isinstance(part, Rows) else places[part] for part in parts]
        keys = np.concatenate([np.zeros(0, np.uint32), *found])
        if descending:
            keys ^= _TURNED
        chosen = _page(keys, first, count)
        lengths = np.cumsum([0, *map(len, parts)])
        part_of = np.searchsorted(lengths, chosen, side="right") - 1
        rows = [_row_id(parts[part], place - int(lengths[part])) for part, place in zip(part_of, chosen, strict=True)]
        return np.array(rows, np.int64)


def _row_id(part: Rows | RowIds, place: int) -> int:
    return part.first + place if isinstance(part, Rows) else int(part[place])


def _page(keys: Places, first: int, count: int) -> npt.NDArray[np.int64]:
    """Return where those keys stand that come after `first` lesser ones, at most `count`, in ascending order."""
    end = min(first + count, len(keys))
    if first >= end:
        return np.zeros(0, np.int64)
    near, below = _near(keys, first, end)
    at = keys if near is None else keys[near]
    chosen = np.argpartition(at, (first - below, end - below - 1))[first - below : end - below]
    chosen = chosen[np.argsort(at[chosen])]
    return chosen if near is None else near[chosen]


def _near(keys: Places, first: int, end: int) -> tuple[npt.NDArray[np.int64] | None, int]:
    """Return where the keys stand among which a page surely is, and how many keys are below them all.

    None if that has to be looked for among all: a part of a long list takes a tenth of the time.
    """
    step = len(keys) // _SAMPLE
    if step < 2:
        return None, 0
    sample = np.sort(keys[::step])
    lower, upper = first // step - _MARGIN, end // step + _MARGIN
    least = sample[lower] if lower > 0 else np.uint32(0)
    most = sample[upper] if upper < len(sample) else np.uint32(0xFFFF_FFFF)
    below = int(np.count_nonzero(keys < least))
    near = np.flatnonzero((keys >= least) & (keys <= most))
    return (near, below) if below <= first and below + len(near) >= end else (None, 0)
