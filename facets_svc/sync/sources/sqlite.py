"""Reads SQLite databases with the standard library, in one read transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np

from facets_svc import sql
from facets_svc.catalogue import RECORD
from facets_svc.errors import DataRefused, SourceError
from facets_svc.sync.batches import MAX_BATCH_BYTES, MAX_BATCH_ROWS, RawBatch

SCHEME: Final = "sqlite:///"
_FETCHED_ROWS = 64


class SqliteSource:
    """The rows of a query over a SQLite database.

    Raises `SourceError` if the file does not exist or the query cannot be run.
    """

    total_bytes: int | None = None

    def __init__(self, location: str, query: str | None) -> None:
        self.label = location
        self._file = Path(location.removeprefix(SCHEME))
        self._query = sql.load("export/extract").text if query is None else query
        if not location.startswith(SCHEME) or location == SCHEME:
            raise SourceError(
                "The location of a SQLite database has the form sqlite:///FILE (sqlite:////… if it is absolute)."
            )
        if not self._file.is_file():
            raise SourceError(
                f"The file {self._file} does not exist (an absolute path has four slashes: sqlite:////…)."
            )
        with self._running("EXPLAIN " + self._query):  # finds an error in the query before the job starts
            pass

    def batches(self) -> Iterator[RawBatch]:
        """Yield the rows of the query in its order, with columns by name. Raises `SourceError` or `DataRefused`."""
        with self._running(self._query) as rows:
            names = [str(column[0]) for column in rows.description]
            twice = sorted({name for name in names if name in RECORD.names and names.count(name) > 1})
            if twice:
                raise DataRefused(f"{self._file}: the query returns the column {', '.join(twice)} more than once.")
            read = 0
            while (fetched := self._fetch(rows, read)) or not read:  # an empty batch shows the columns
                columns = zip(*fetched, strict=True) if fetched else ((),) * len(names)
                yield RawBatch(
                    file=self.label,
                    numbers=np.arange(read + 1, read + len(fetched) + 1),
                    columns={
                        name: list(column) for name, column in zip(names, columns, strict=True) if name in RECORD.names
                    },
                    has_header=True,
                    unknown=frozenset({*names} - {*RECORD.names}),
                )
                if not fetched:
                    return
                read += len(fetched)

    def _fetch(self, rows: sqlite3.Cursor, read: int) -> list[tuple[Any, ...]]:
        """Return the rows of the next batch; none at the end."""
        fetched: list[tuple[Any, ...]] = []
        size = 0
        while len(fetched) < MAX_BATCH_ROWS and size < MAX_BATCH_BYTES:
            try:
                some = rows.fetchmany(_FETCHED_ROWS)
            except sqlite3.Error as error:
                raise SourceError(
                    f"{self._file}: the rows after row {read + len(fetched)} cannot be read: {error}."
                ) from None
            if not some:
                break
            size += sum(len(value) for row in some for value in row if isinstance(value, (str, bytes)))
            fetched += some
        return fetched

    @contextmanager
    def _running(self, query: str) -> Iterator[sqlite3.Cursor]:
        """Run a query in its own read transaction, so that all rows are of the same moment."""
        try:
            uri = f"file:{quote(str(self._file.absolute()))}?mode=ro"
            connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        except sqlite3.Error as error:
            raise SourceError(f"{self._file} cannot be opened: {error}.") from None
        with closing(connection):
            connection.text_factory = _text
            try:
                connection.execute("PRAGMA query_only = ON")
                connection.execute("BEGIN")
                rows = connection.execute(query)
            except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
                raise SourceError(f"{self._file}: the query cannot be run: {error}.") from None
            if rows.description is None:
                raise SourceError(f"{self._file}: the query returns no columns. Write a SELECT.")
            yield rows


def _text(stored: bytes) -> str:
    return stored.decode(errors="surrogateescape")
