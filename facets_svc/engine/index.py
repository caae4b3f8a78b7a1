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

    `public_totals` are the unfiltered counts of all public models, `org_totals` those of the large orgs, by the rows
    that they count. They are shared: nobody may write to them.
    """

    dictionary: Dictionary
    orgs: dict[str, Org]
    public_totals: Counts
    org_totals: dict[Rows, Counts]

    @classmethod
    def read(cls, snapshot: Snapshot) -> Self:
        """Read the index of a snapshot that was verified."""
        values = pq.read_table(snapshot.index_file("facet_values"))
        dictionary = Dictionary(
            ["", *values.column("value").to_pylist()],
            np.concatenate([np.zeros(1, np.uint8), values.column("facet").to_numpy()]),
        )
        public_totals = np.concatenate([[snapshot.manifest.public_models], values.column("public_models").to_numpy()])
        public_totals.flags.writeable = False
        orgs = _read_orgs(snapshot)
        return cls(dictionary, orgs, public_totals, _read_org_totals(snapshot, orgs, len(dictionary)))

    @property
    def public(self) -> Rows:
        """All public models: they come first."""
        return Rows(0, int(self.public_totals[EVERY_MODEL]))


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
    for counts in totals.values():
        counts.flags.writeable = False
    return totals
