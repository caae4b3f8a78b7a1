"""The small parts of a snapshot's index, in memory: the dictionary, the orgs, the totals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from facets_svc.facets.values import EVERY_MODEL, Counts, Dictionary
from facets_svc.lake.snapshot import Snapshot


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


@dataclass(frozen=True, slots=True)
class Totals:
    """Unfiltered counts of rows that are often asked for: of each org's public and private models.

    The counts of the part that begins with row id `firsts[n]` are `codes` and `models` from `starts[n]` to before
    `starts[n + 1]`.
    """

    firsts: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.int64]
    codes: npt.NDArray[np.uint32]
    models: npt.NDArray[np.uint32]

    @classmethod
    def read(cls, snapshot: Snapshot) -> Self:
        """Read `index/facet_totals.parquet`, which is sorted by first row id."""
        table = pq.read_table(snapshot.index_file("facet_totals"))
        firsts, starts = np.unique(table.column("first").to_numpy(), return_index=True)
        codes, models = (table.column(name).to_numpy() for name in ("code", "models"))
        return cls(firsts, np.append(starts, len(codes)), codes, models)

    def of(self, rows: Rows, length: int) -> Counts:
        """Return the counts of an org's public or private models as an array of `length` codes."""
        counts = np.zeros(length, dtype=np.int64)
        counts[EVERY_MODEL] = len(rows)
        place = int(np.searchsorted(self.firsts, rows.first))
        if place < len(self.firsts) and self.firsts[place] == rows.first:
            held = slice(self.starts[place], self.starts[place + 1])
            counts[self.codes[held]] = self.models[held]
        return counts


@dataclass(frozen=True, slots=True)
class Index:
    """What is known without asking DuckDB.

    `public` are the rows of all public models, which come first; `public_totals` counts them by code, and is shared:
    nobody may write to it. `org_totals` has the unfiltered counts of every org.
    """

    dictionary: Dictionary
    orgs: dict[str, Org]
    public: Rows
    public_totals: Counts
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
        return cls(dictionary, _read_orgs(snapshot), public, public_totals, Totals.read(snapshot))

    def totals(self, rows: Rows) -> Counts:
        """Return the unfiltered counts of all public models, or of an org's public or private ones."""
        if rows == self.public:
            return self.public_totals
        return self.org_totals.of(rows, len(self.dictionary))


def _read_orgs(snapshot: Snapshot) -> dict[str, Org]:
    columns = pq.read_table(snapshot.index_file("orgs")).to_pydict()
    public = map(Rows, columns["public_first"], columns["public_end"])
    private = map(Rows, columns["private_first"], columns["private_end"])
    return dict(zip(columns["org"], map(Org, public, private), strict=True))
