"""The protocols of engines: what the service calls, and what runs the statements of `sql/` for an engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, Protocol, TypeVar, runtime_checkable

from facets_svc.errors import FacetsError
from facets_svc.facets.answer import FacetAnswer, ModelPage, ValuePage
from facets_svc.facets.query import FacetQuery, ModelQuery, RecordQuery, ValueQuery
from facets_svc.facets.values import IntegerArray

Columns = dict[str, IntegerArray]
"""The integer columns of a result, by name: arrays of one length, in the order of the rows."""

CursorT_co = TypeVar("CursorT_co", bound="Cursor", covariant=True)


class Interrupted(FacetsError):
    """The query was stopped by its `Interruption` before it had an answer."""


class Interruption:
    """A way to stop one query from another thread, before it starts or while it runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stop: Callable[[], None] | None = None
        self._requested = False

    def request(self) -> None:
        """Stop the query: now if it runs, at once when it starts otherwise. Asking twice is harmless."""
        with self._lock:
            self._requested = True
            if self._stop is not None:
                self._stop()

    @property
    def requested(self) -> bool:
        """Whether the query was asked to stop."""
        return self._requested

    def check(self) -> None:
        """Raise `Interrupted` if it was requested."""
        if self._requested:
            raise Interrupted("The query was interrupted.")

    @contextmanager
    def stopping_by(self, stop: Callable[[], None]) -> Iterator[None]:
        """While the block runs, `request` calls `stop`. Raises `Interrupted` if it was requested before."""
        with self._lock:
            self.check()
            self._stop = stop
        try:
            yield
        finally:
            with self._lock:
                self._stop = None


class Engine(Protocol):
    """Answers queries over one snapshot, from any thread."""

    @property
    def snapshot_id(self) -> str:
        """The id of the snapshot that every answer comes from."""

    @property
    def created_at(self) -> datetime:
        """When the snapshot was made, in UTC."""

    def knows(self, org: str) -> bool:
        """Tell whether the catalogue knows `org`."""

    def answer(self, query: FacetQuery, interruption: Interruption | None = None) -> FacetAnswer:
        """Answer `query` exactly.

        Raises `Interrupted` when `interruption` was requested, `Unavailable` when the engine had to be given up (it is
        rebuilt, so that a later query may succeed).
        """

    def values(self, asked: ValueQuery, interruption: Interruption | None = None) -> ValuePage:
        """Return a page of one facet's values, exactly. Raises like `answer`."""

    def models(self, asked: ModelQuery, interruption: Interruption | None = None) -> ModelPage:
        """Return a page of the models themselves. Raises like `answer`, and `LakeError` when their file is spoiled."""

    def model(self, asked: RecordQuery, interruption: Interruption | None = None) -> dict[str, Any] | None:
        """Return the record of the model of one id with the fields that are asked for, None if it is not in the scope.

        None takes as long for a model that is outside of the scope as for one that does not exist. Raises like
        `models`.
        """

    def seen_from(self, present: Engine) -> Engine:
        """Return this engine so that it shows of its snapshot only what may be shown of an earlier one.

        `present` is over the current snapshot, and is needed no more then. What is returned is not closed by itself.
        """

    def close(self) -> None:
        """Let go of what is held. No query runs, and none comes after."""


@runtime_checkable
class Remote(Protocol):
    """What an engine has besides that asks a server."""

    @property
    def reachable(self) -> bool:
        """Whether the server answered when it was last asked."""

    def check(self) -> None:
        """Ask the server for something small, and note whether it answers. Blocks for seconds if it does not."""


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
