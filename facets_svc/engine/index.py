"""The small parts of a snapshot's index, in memory: the dictionary, the orgs, the totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from facets_svc.catalogue import Facet
from facets_svc.facets.values import EVERY_MODEL, FIRST_VALUE, Counts, Dictionary
from facets_svc.lake.snapshot import Snapshot

Codes = npt.NDArray[np.unsignedinteger]
Mask = npt.NDArray[np.bool_]
"""Which of some consecutive rows, or of some codes, are meant: one flag each."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Row ids from `first` to before `end`."""

    first: int = 0
    end: int = 0

    def __len__(self) -> int:
        return self.end - self.first


@dataclass(frozen=True, slots=True)
class Org:
    """Where the models of an org lie. They are disjoint from every other org's."""

    public: Rows = Rows()
    private: Rows = Rows()


class Orgs:
    """Where the models of every org lie."""

    def __init__(self, path: str) -> None:
        table = pq.read_table(path)
        self._names: list[str] = table.column("org").to_pylist()
        self._places = {org: place for place, org in enumerate(self._names)}
        names = ("public_first", "public_end", "private_first", "private_end")
        self._bounds = np.column_stack([table.column(name).to_numpy() for name in names])

    def __contains__(self, org: str) -> bool:
        """Tell whether the catalogue knows the org."""
        return org in self._places

    def __len__(self) -> int:
        """How many orgs the catalogue knows."""
        return len(self._places)

    def place(self, org: str) -> int | None:
        """Return the number of the org, from 0; None if the catalogue does not know it."""
        return self._places.get(org)

    def name(self, place: int) -> str:
        """Return the org of a number."""
        return self._names[place]

    def places_in(self, others: Orgs) -> npt.NDArray[np.int64]:
        """Return, by the number of each org, its number among others; -1 if it is none of them."""
        return np.array([others._places.get(org, -1) for org in self._places], np.int64)

    def owners(self) -> npt.NDArray[np.int64]:
        """Return, by row id, the number of the org that each model belongs to: what orgs hold follows without gaps."""
        firsts, ends = (np.concatenate([self._bounds[:, column], self._bounds[:, column + 2]]) for column in (0, 1))
        lengths = ends.astype(np.int64) - firsts
        held = np.flatnonzero(lengths)
        order = held[np.argsort(firsts[held])]
        return np.repeat(order % len(self), lengths[order])

    def private_owners(self, rows: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
        """Return the number of the org whose private models hold each of some row ids; -1 for those of none."""
        have = np.flatnonzero(self._bounds[:, 3] > self._bounds[:, 2])
        have = have[np.argsort(self._bounds[have, 2])]
        if not len(have):
            return np.full(len(rows), -1, np.int64)
        at = np.searchsorted(self._bounds[have, 2], rows, side="right") - 1
        owners = have[at]
        inside = (at >= 0) & (rows < self._bounds[owners, 3])
        return np.where(inside, owners, -1)

    def __getitem__(self, org: str) -> Org:
        """Return where its models lie; nowhere if the catalogue does not know it."""
        place = self._places.get(org)
        if place is None:
            return Org()
        public_first, public_end, private_first, private_end = self._bounds[place].tolist()
        return Org(Rows(public_first, public_end), Rows(private_first, private_end))


class Totals:
    """The unfiltered counts of every org's public models, and of its private ones.

    Those of the part that begins with row id `firsts[n]` stand in `codes` and `models` from `starts[n]` to before
    `starts[n + 1]`.
    """

    def __init__(self, snapshot: Snapshot, dictionary: Dictionary) -> None:
        table = pq.read_table(snapshot.index_file("facet_totals"))
        firsts = table.column("first").to_numpy()
        starts = np.flatnonzero(np.diff(firsts, prepend=np.uint32(0)) > 0)
        if len(firsts) and not firsts[0]:
            starts = np.insert(starts, 0, 0)
        self._firsts = firsts[starts]
        self._starts = np.append(starts, len(firsts))
        self._codes = table.column("code").to_numpy().astype(np.min_scalar_type(len(dictionary)))
        self._models = table.column("models").to_numpy().copy()
        self._length = len(dictionary)

    def of(self, rows: Rows) -> Counts:
        """Return the counts, by code, of all public or all private models of one org."""
        counts = np.zeros(self._length, dtype=np.int64)
        counts[EVERY_MODEL] = len(rows)
        held = self._held(rows)
        counts[self._codes[held]] = self._models[held]
        return counts

    def codes(self, rows: Rows) -> Codes:
        """Return which codes are held by all public or all private models of one org."""
        codes: Codes = self._codes[self._held(rows)]
        return codes

    def _held(self, rows: Rows) -> slice:
        place = int(np.searchsorted(self._firsts, self._firsts.dtype.type(rows.first)))
        if not rows or place == len(self._firsts) or self._firsts[place] != rows.first:
            return slice(0, 0)
        return slice(int(self._starts[place]), int(self._starts[place + 1]))


@dataclass(frozen=True, slots=True)
class Index:
    """What is known without asking DuckDB.

    `public` are the rows of all public models, which come first; `public_totals` counts them by code, and is shared:
    nobody may write to it. `public_codes` has, for each facet, the code of every value that they hold, `org_totals` the
    unfiltered counts of every org.
    """

    dictionary: Dictionary
    orgs: Orgs
    public: Rows
    public_totals: Counts
    public_codes: tuple[Mapping[str, int], ...]
    org_totals: Totals

    @classmethod
    def read(cls, snapshot: Snapshot) -> Self:
        """Read the index of a snapshot that was verified."""
        values = pq.read_table(snapshot.index_file("facet_values"))
        dictionary = Dictionary(
            ["", *values.column("value").fill_null("").to_pylist()],
            np.concatenate([np.zeros(1, np.uint8), values.column("facet").to_numpy()]),
        )
        public = Rows(0, snapshot.manifest.public_models)
        public_totals = np.concatenate([[len(public)], values.column("public_models").to_numpy()])
        public_totals.flags.writeable = False
        index = cls(
            dictionary,
            Orgs(snapshot.index_file("orgs")),
            public,
            public_totals,
            dictionary.by_value(np.flatnonzero(public_totals[FIRST_VALUE:]) + FIRST_VALUE),
            Totals(snapshot, dictionary),
        )
        # What Arrow has read was copied, and Arrow would keep the memory.
        pa.default_memory_pool().release_unused()
        return index

    def totals(self, rows: Rows) -> Counts:
        """Return the unfiltered counts of all public models, or of an org's public or private ones."""
        if rows == self.public:
            return self.public_totals
        return self.org_totals.of(rows)

    def codes(self, facet: Facet, values: Sequence[str], parts: Sequence[Rows]) -> dict[str, int]:
        """Return the codes of those values of a facet that public models hold, or the private ones of the parts.

        What others alone hold is in no dictionary that is asked, so that it is as unknown as what nobody holds, and not
        known a little later.
        """
        found = {value: code for value in values if (code := self.public_codes[facet.index].get(value)) is not None}
        if len(found) < len(values):
            for part in parts:
                if part.first >= self.public.end:
                    held = self.org_totals.codes(part)
                    own = held[(self.public_totals[held] == 0) & (self.dictionary.facets[held] == facet.index)]
                    by_value = self.dictionary.by_value(own[own >= FIRST_VALUE])[facet.index]
                    found |= {value: code for value in values if (code := by_value.get(value)) is not None}
        return found
