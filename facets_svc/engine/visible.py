"""What may be shown of an earlier snapshot: only models that the asker sees in the snapshot in force, too.

A model is known again by its id. It may be shown if it is public now, or now belongs to the org that asks; and, as
ever, only if it was in that org's scope then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from facets_svc.engine.index import Mask, Orgs, Rows
from facets_svc.engine.selection import Selection

_GONE: Final = 0xFFFF_FFFF
"""Stands for the row id of a model that is not there any more. No row has it."""


def read_ids(path: str) -> pa.ChunkedArray:
    """Read the ids of all models of a snapshot, by row id."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        return file.read(columns=["id"]).column("id")


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where the models of the snapshot in force lie: their ids by row id, the public ones, and those of every org."""

    ids: pa.ChunkedArray
    public: Rows
    orgs: Orgs

    def of(self, ids: pa.ChunkedArray) -> npt.NDArray[np.uint32]:
        """Return the row id that each of some models has now."""
        places = pc.index_in(ids, value_set=self.ids.combine_chunks()).combine_chunks()
        now: npt.NDArray[np.uint32] = pc.fill_null(places.cast(pa.int64()), _GONE).to_numpy().astype(np.uint32)
        return now


class Visible:
    """Which models of an earlier snapshot may be shown to whom."""

    def __init__(self, ids: pa.ChunkedArray, present: Whereabouts) -> None:
        self._now = present.of(ids)
        self._public_end = np.uint32(present.public.end)
        self._orgs = present.orgs

    def mask(self, rows: Rows, org: str) -> Mask:
        """Return which of the rows, all of them in an org's scope then, may be shown to it."""
        now = self._now[rows.first : rows.end]
        own = self._orgs[org].private
        visible: Mask = (now < self._public_end) | ((now >= np.uint32(own.first)) & (now < np.uint32(own.end)))
        return visible

    def narrowed(self, rows: Rows, selection: Selection, org: str) -> Selection:
        """Return what is left of a selection among the rows."""
        mask = self.mask(rows, org)
        return Selection(
            selection.passing[mask[selection.passing - rows.first]],
            tuple((facet, failing[mask[failing - rows.first]]) for facet, failing in selection.failing),
        )


class ScopeCounts:
    """How many models of an earlier snapshot each org may be shown, with the public ones of others or without."""

    def __init__(self, ids: pa.ChunkedArray, orgs: Orgs, public: Rows, present: Whereabouts) -> None:
        now = present.of(ids)
        then, owner = orgs.owners(), present.orgs.private_owners(now)
        places = orgs.places_in(present.orgs)
        was_public = np.arange(len(ids)) < public.end
        is_public = now < np.uint32(present.public.end)
        visible = is_public | ((owner == places[then]) & (owner >= 0))
        self._orgs = present.orgs
        self._shared = int(np.count_nonzero(was_public & is_public))
        self._now_own = _by_place(owner[was_public & (owner >= 0)], len(present.orgs))
        self._own, self._gone = _by_org(then[visible], orgs, places, len(present.orgs))
        self._own_private, self._gone_private = _by_org(then[visible & ~was_public], orgs, places, len(present.orgs))

    def of(self, org: str, *, include_public: bool) -> int:
        """Return how many models of the scope of `org` may be shown to it."""
        place = self._orgs.place(org)
        if place is None:
            return self._shared + self._gone_private.get(org, 0) if include_public else self._gone.get(org, 0)
        if include_public:
            return self._shared + int(self._own_private[place]) + int(self._now_own[place])
        return int(self._own[place])


def _by_place(places: npt.NDArray[np.int64], orgs: int) -> npt.NDArray[np.int32]:
    return np.bincount(places, minlength=orgs).astype(np.int32)


def _by_org(
    then: npt.NDArray[np.int64], orgs: Orgs, places: npt.NDArray[np.int64], present: int
) -> tuple[npt.NDArray[np.int32], dict[str, int]]:
    """Count models by the number that their org has now, and by name those of orgs that are not known any more."""
    counts = _by_place(then, len(orgs))
    known = places >= 0
    by_place = np.zeros(present, np.int32)
    by_place[places[known]] = counts[known]
    return by_place, {orgs.name(place): int(counts[place]) for place in np.flatnonzero(~known & (counts > 0)).tolist()}
