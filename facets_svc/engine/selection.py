"""Which models pass: masks over consecutive rows, put together filter by filter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facets_svc.catalogue import FACETS, Facet
from facets_svc.engine.columns import Columns, Postings
from facets_svc.engine.filters import CodeFilter, Filters
from facets_svc.engine.index import Mask, Rows


@dataclass(frozen=True, slots=True)
class Selection:
    """Of some consecutive rows, the row ids of those that pass every filter, and of those that fail a single one.

    `failing` has the rows that fail the filter of one facet and no other, for each facet that leaves its own filter
    out: they count for that facet.
    """

    passing: npt.NDArray[np.int64]
    failing: tuple[tuple[Facet, npt.NDArray[np.int64]], ...]


class Selector:
    """Selects models by the facets' filters: public ones by their postings, those of an org by reading their lists.

    An org's rows are read as they lie, so that nobody else's rows make a difference to how long it takes.
    """

    def __init__(self, columns: Columns, postings: Postings, public: Rows) -> None:
        self._columns = columns
        self._postings = postings
        self._public = public

    def select(self, rows: Rows, filters: Filters, matching: Callable[[Mask], Mask] | None) -> Selection:
        """Select among `rows` by the facets' filters, and by `matching` if there is more to pass.

        It is given which of the rows are still of interest, and returns which pass the rest; what it says of others is
        ignored.
        """
        candidates = np.ones(len(rows), np.bool_)
        failed = np.zeros(len(rows), np.uint8)
        own_masks: list[tuple[Facet, Mask]] = []
        for facet, own in zip(FACETS, filters.by_facet, strict=True):
            if not own:
                continue
            mask = self._passing(facet, own, rows)
            if filters.leaves_out(facet):
                failed += ~mask
                own_masks.append((facet, mask))
            else:
                candidates &= mask
        if matching is not None:
            candidates &= matching(candidates & (failed <= 1))
        failing = tuple((facet, _row_ids(rows, candidates & (failed == 1) & ~mask)) for facet, mask in own_masks)
        return Selection(_row_ids(rows, candidates & (failed == 0)), failing)

    def _passing(self, facet: Facet, own: CodeFilter, rows: Rows) -> Mask:
        """Return which rows pass one facet's filter."""
        if own.match == "all" and facet.is_list:
            mask = np.ones(len(rows), np.bool_)
            for code in own.selected:
                mask &= self._holding(facet, rows, (code,))
        else:
            mask = self._holding(facet, rows, own.selected) if own.selected else np.ones(len(rows), np.bool_)
        if own.excluded:
            mask &= ~self._holding(facet, rows, own.excluded)
        return mask

    def _holding(self, facet: Facet, rows: Rows, codes: tuple[int, ...]) -> Mask:
        """Return which rows hold one of the codes of a facet."""
        if rows != self._public or not facet.is_list:
            return self._columns.holding_any(facet, rows, codes)
        mask = np.zeros(len(rows), np.bool_)
        for code in codes:
            mask[self._postings.of(code)] = True
        return mask


def _row_ids(rows: Rows, mask: Mask) -> npt.NDArray[np.int64]:
    return np.flatnonzero(mask) + rows.first
