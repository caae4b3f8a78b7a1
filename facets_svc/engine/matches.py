"""The models whose texts and numbers pass, and what is remembered of them."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facets_svc import sql
from facets_svc.engine.filters import Filters
from facets_svc.engine.index import Mask, Rows
from facets_svc.engine.instance import Cursor
from facets_svc.engine.words import Bits, Grams, Words

MAX_BYTES: Final = 32 * 2**20
"""Bytes of masks that are remembered; the longest unused ones go first."""

CANDIDATES_SHARE: Final = 4
"""Candidates are read alone when they are fewer than one in so many rows."""

FEW_TEXTS: Final = 20_000
"""Up to so many texts Arrow has read, on one thread, before DuckDB has begun."""

_Key = tuple[object, object]


class Matches:
    """Finds the models whose texts and numbers pass, and remembers which public ones did.

    `models` are all of them, by row id. The text of a public model is what `words` leave of it; `grams` tell which of
    those need not be read. Whoever narrows a search by clicks asks for the same terms again, and public models are the
    same for everybody. What an org's own rows answer is not kept: reading them takes little.
    """

    def __init__(self, models: pa.Table, public: Rows, words: Words) -> None:
        self.models = models
        self._texts = models.select(["rid", "search_text"])
        self._public = public
        self._words = words
        self._grams = Grams(self._texts.column("search_text").slice(0, len(public)))
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, Bits] = OrderedDict()
        self._bytes = 0

    def among(self, cursor: Cursor, rows: Rows, filters: Filters, candidates: Mask) -> Mask:
        """Return which of `rows` are candidates whose texts and numbers pass; others may be among them."""
        if rows != self._public:
            return self._passing(cursor, rows, filters, candidates)
        key = (filters.terms, filters.ranges)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return np.unpackbits(self._kept[key], count=len(rows)).view(np.bool_)
        if _are_few(candidates):
            return self._passing(cursor, rows, filters, candidates)
        found = self._passing(cursor, rows, filters, np.ones(len(rows), np.bool_))
        self._keep(key, np.packbits(found))
        return found

    def forget(self) -> None:
        """Remember nothing."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def _passing(self, cursor: Cursor, rows: Rows, filters: Filters, candidates: Mask) -> Mask:
        """Return which of `rows` are candidates and pass."""
        passing = candidates
        if filters.ranges:
            passing = self._read(cursor, self.models, rows, passing, filters.bounds())
        for term in filters.terms:
            if rows.end <= self._public.end:
                held = passing & self._words.holding(term, rows)
                others = passing & ~held & self._grams.may_hold(term, rows)
                passing = held | self._holding(cursor, rows, others, term)
            else:
                passing = self._holding(cursor, rows, passing, term)
        return passing

    def _holding(self, cursor: Cursor, rows: Rows, candidates: Mask, term: str) -> Mask:
        """Return which of `rows` are candidates whose texts hold a term."""
        places = np.flatnonzero(candidates)
        if len(places) > FEW_TEXTS:
            return self._read(cursor, self._texts, rows, candidates, {"term": term})
        texts = self._texts.column("search_text").take(pa.array(places + rows.first))
        holding = np.zeros(len(rows), np.bool_)
        holding[places] = pc.match_substring(texts, term).to_numpy()
        return holding

    def _read(
        self, cursor: Cursor, models: pa.Table, rows: Rows, candidates: Mask, parameters: Mapping[str, Any]
    ) -> Mask:
        """Return which of `rows` are candidates and, as DuckDB reads them, pass."""
        if _are_few(candidates):
            read = models.take(pa.array(np.flatnonzero(candidates) + rows.first))
        else:
            read = models.slice(rows.first, len(rows))
        with cursor.seeing("models", read):
            found = cursor.columns(_matching(frozenset(parameters)), parameters)["rid"]
        passing = np.zeros(len(rows), np.bool_)
        passing[found - rows.first] = True
        return passing & candidates

    def _keep(self, key: _Key, found: Bits) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = found
            self._bytes += found.nbytes
            while self._bytes > MAX_BYTES:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes


@functools.cache
def _matching(given: frozenset[str]) -> str:
    """Return `sql/facets/matching.sql` with only those conditions whose parameters are `given`.

    DuckDB plans a condition that is not there in no time.
    """
    statement = sql.load("facets/matching")
    return statement.without(statement.parameters.keys() - given)


def _are_few(candidates: Mask) -> bool:
    return bool(np.count_nonzero(candidates) * CANDIDATES_SHARE < len(candidates))
