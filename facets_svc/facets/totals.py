"""The unfiltered counts of the parts of a catalogue, which the job counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facets_svc.facets.values import EVERY_MODEL, Counts, IntegerArray


@dataclass(frozen=True, slots=True)
class Rows:
    """The row ids from `first` up to, but not including, `end`."""

    first: int = 0
    end: int = 0

    def __len__(self) -> int:
        return self.end - self.first


class Totals:
    """The number of models of each part that hold each code. A part is the public or the private models of an org.

    `firsts` (the first row id of the part, ascending), `codes` (ascending within a part) and `models` are arrays of one
    length. `dictionary_length` is one more than the highest code.
    """

    def __init__(
        self,
        firsts: IntegerArray,
        codes: IntegerArray,
        models: IntegerArray,
        *,
        dictionary_length: int,
    ) -> None:
        starts = np.flatnonzero(np.diff(firsts, prepend=np.int32(-1)))
        self._firsts = firsts[starts]
        self._starts = np.append(starts, len(firsts))
        self._codes = codes.astype(np.min_scalar_type(dictionary_length))
        self._models = models
        self._length = dictionary_length

    def of(self, rows: Rows) -> Counts:
        """Return the counts of the part with the rows `rows`; zeros if there is no such part."""
        counts = np.zeros(self._length, dtype=np.int64)
        held = self._held(rows)
        counts[self._codes[held]] = self._models[held]
        counts[EVERY_MODEL] = len(rows)
        return counts

    def codes(self, rows: Rows) -> IntegerArray:
        """Return the codes that models of a part hold, in ascending order."""
        codes: IntegerArray = self._codes[self._held(rows)]
        return codes

    def _held(self, rows: Rows) -> slice:
        place = int(np.searchsorted(self._firsts, rows.first))
        if not rows or place == len(self._firsts) or self._firsts[place] != rows.first:
            return slice(0, 0)
        return slice(int(self._starts[place]), int(self._starts[place + 1]))
