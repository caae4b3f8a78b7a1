"""The models whose texts and numbers pass, and what is remembered of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

import pyarrow as pa

from facets_svc.engine.columns import RowIds
from facets_svc.engine.filters import Filters
from facets_svc.engine.index import Rows
from facets_svc.engine.instance import Cursor
from facets_svc.engine.statements import matching

MAX_BYTES: Final = 32 * 2**20
"""Bytes of row ids that are remembered; the longest unused ones go first."""

CANDIDATES_SHARE: Final = 8
"""Candidates are read alone when they are fewer than one in so many rows."""

_Key = tuple[object, object]


class Matches:
    """Reads texts and numbers by DuckDB, and remembers which public models passed.

    `models` are those of `Index.models`. Whoever narrows a search by clicks asks for the same terms again, and public
    models are the same for everybody. What an org's own rows answer is not kept: reading them takes little.
    """

    def __init__(self, models: pa.Table, public: Rows) -> None:
        self._models = models
        self._public = public
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, RowIds] = OrderedDict()
        self._bytes = 0

    def among(self, cursor: Cursor, rows: Rows, filters: Filters, candidates: RowIds) -> RowIds:
        """Return the row ids of the models whose texts and numbers pass, in ascending order.

        Of `rows` at least those of `candidates` are looked at; all of them, unless they are few of many.
        """
        if rows != self._public:
            return self._read(cursor, _slice(self._models, rows), filters)
        key = (filters.terms, filters.ranges)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        if len(candidates) * CANDIDATES_SHARE < len(rows):
            return self._read(cursor, self._models.take(pa.array(candidates)), filters)
        found = self._read(cursor, _slice(self._models, rows), filters)
        self._keep(key, found)
        return found

    def forget(self) -> None:
        """Remember nothing."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def _read(self, cursor: Cursor, models: pa.Table, filters: Filters) -> RowIds:
        parameters = filters.parameters()
        with cursor.seeing("models", models):
            found: RowIds = cursor.columns(matching(frozenset(parameters)), parameters)["rid"]
        return found

    def _keep(self, key: _Key, found: RowIds) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = found
            self._bytes += found.nbytes
            while self._bytes > MAX_BYTES:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes


def _slice(models: pa.Table, rows: Rows) -> pa.Table:
    return models.slice(rows.first, len(rows))
