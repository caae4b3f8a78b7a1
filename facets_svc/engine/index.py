"""The small parts of a snapshot's index, in memory: the dictionary, the orgs, the totals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
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
class Index:
    """What is known without asking DuckDB.

    `public` are the rows of all public models, which come first; `public_totals` counts them by code. `totals` are the
    unfiltered counts, by the rows that they count: of all public models, and of each large org's public and private
    ones. They are shared: nobody may write to them.
    """

    dictionary: Dictionary
    orgs: dict[str, Org]
    public: Rows
    totals: dict[Rows, Counts]

    @classmethod
    def read(cls, snapshot: Snapshot) -> Self:
        """Read the index of a snapshot that was verified."""
        values = pq.read_table(snapshot.index_file("facet_values"))
        dictionary = Dictionary(
            ["", *values.column("value").to_pylist()],
            np.concatenate([np.zeros(1, np.uint8), values.column("facet").to_numpy()]),
        )
        public = Rows(0, snapshot.manifest.public_models)
        orgs = _read_orgs(snapshot)
        totals = _read_org_totals(snapshot, orgs, len(dictionary))
        totals[public] = np.concatenate([[len(public)], values.column("public_models").to_numpy()])
        for counts in totals.values():
            counts.flags.writeable = False
        return cls(dictionary, orgs, public, totals)

    @property
    def public_totals(self) -> Counts:
        """The counts of all public models, by code."""
        return self.totals[self.public]


def _read_orgs(snapshot: Snapshot) -> dict[str, Org]:
    columns = pq.read_table(snapshot.index_file("orgs")).to_pydict()
    public = map(Rows, columns["public_first"], columns["public_end"])
    private = map(Rows, columns["private_first"], columns["private_end"])
    return dict(zip(columns["org"], map(Org, public, private), strict=True))


def _read_org_totals(snapshot: Snapshot, orgs: dict[str, Org], codes: int) -> dict[Rows, Counts]:
    table = pq.read_table(snapshot.index_file("facet_totals"))
    columns = (table.column(name).to_pylist() for name in ("org", "is_public", "code", "models"))
    totals: dict[Rows, Counts] = {}
    for org, is_public, code, models in zip(*columns, strict=True):
        rows = orgs[org].public if is_public else orgs[org].private
        counts = totals.get(rows)
        if counts is None:
            counts = totals[rows] = np.zeros(codes, dtype=np.int64)
            counts[EVERY_MODEL] = len(rows)
        counts[code] = models
    return totals
