"""The models whose texts and numbers pass, and what is remembered of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

import numpy as np
import numpy.typing as npt

from facets_svc.engine.filters import Filters
from facets_svc.engine.index import Rows
from facets_svc.engine.instance import Cursor
from facets_svc.engine.statements import matching

MAX_BYTES: Final = 32 * 2**20
"""Bytes of row ids that are remembered; the longest unused ones go first."""

_Key = tuple[object, object]


class Matches:
    """Reads texts and numbers by DuckDB, and remembers which public models passed.

    Whoever narrows a search by clicks asks for the same terms again, and public models are the same for everybody. What
    an org's own rows answer is not kept: reading them takes little.
    """

    def __init__(self, public: Rows) -> None:
        self._public = public
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, npt.NDArray[np.uint32]] = OrderedDict()
        self._bytes = 0

    def of(self, cursor: Cursor, rows: Rows, filters: Filters) -> npt.NDArray[np.uint32]:
        """Return the row ids, among `rows`, of the models whose texts and numbers pass, in ascending order."""
        if rows != self._public:
            return self._read(cursor, rows, filters)
        key = (filters.terms, filters.ranges)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = self._read(cursor, rows, filters)
        self._keep(key, found)
        return found

    def forget(self) -> None:
        """Remember nothing."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def _read(self, cursor: Cursor, rows: Rows, filters: Filters) -> npt.NDArray[np.uint32]:
        parameters = filters.parameters()
        statement = matching(frozenset(parameters))
        return cursor.columns(statement, parameters | {"first": rows.first, "end": rows.end})["rid"]

    def _keep(self, key: _Key, found: npt.NDArray[np.uint32]) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = found
            self._bytes += found.nbytes
            while self._bytes > MAX_BYTES:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
