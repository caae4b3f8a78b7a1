"""What runs statements for an engine: the part that differs between DuckDB and Spark."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from facets_svc.engine.base import Interruption

Columns = dict[str, Any]
"""An answer's columns by name, numpy arrays of one length."""

CursorT_co = TypeVar("CursorT_co", bound="Cursor", covariant=True)


class Cursor(Protocol):
    """Runs the statements of one request, in its thread, by their names under `sql/`."""

    def columns(self, name: str, parameters: Mapping[str, Any]) -> Columns:
        """Run the statement `name`, and return its columns. No value may be null."""

    def rows(self, name: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run the statement `name`, and return its rows."""


class Instance(Protocol[CursorT_co]):
    """Has the tables of one snapshot's index, and opens a cursor a request."""

    def cursor(self, interruption: Interruption) -> AbstractContextManager[CursorT_co]:
        """Open a cursor for the request that runs in this thread; `interruption` stops what it runs.

        Raises `Interrupted` when it was stopped, `Unavailable` when a statement failed.
        """

    def close(self) -> None:
        """Release everything. No cursor is open, and none comes after."""
