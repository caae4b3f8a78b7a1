"""The protocols of engines: `Engine`, which the service calls, and `Instance`, which runs an engine's statements."""

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
    """The `Interruption` of a query stopped it before it had an answer."""


class Interruption:
    """Stops one query from another thread, before it starts or while it runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stop: Callable[[], None] | None = None
        self._requested = False

    def request(self) -> None:
        """Stop the query now, or as soon as it starts. A second call has no effect."""
        with self._lock:
            self._requested = True
            if self._stop is not None:
                self._stop()

    @property
    def requested(self) -> bool:
        """Whether `request` was called."""
        return self._requested

    def check(self) -> None:
        """Raise `Interrupted` if `request` was called."""
        if self._requested:
            raise Interrupted("The query was interrupted.")

    @contextmanager
    def stopping_by(self, stop: Callable[[], None]) -> Iterator[None]:
        """Let `request` call `stop` while the block runs. Raises `Interrupted` if `request` was called before."""
        with self._lock:
            self.check()
            self._stop = stop
        try:
            yield
        finally:
            with self._lock:
                self._stop = None


class Engine(Protocol):
    """Answers queries over one snapshot. All methods but `close` are thread-safe."""

    @property
    def snapshot_id(self) -> str:
        """The id of the snapshot that every answer comes from."""

    @property
    def created_at(self) -> datetime:
        """The time at which the snapshot was made, in UTC."""

    def knows(self, org: str) -> bool:
        """Return whether the catalogue has the org `org`."""

    def answer(self, query: FacetQuery, interruption: Interruption | None = None) -> FacetAnswer:
        """Return the exact answer to `query`.

        Raises `Interrupted` if `interruption` stopped it, `Unavailable` if the engine failed. The engine recovers: a
        later query may succeed.
        """

    def values(self, asked: ValueQuery, interruption: Interruption | None = None) -> ValuePage:
        """Return a page of one facet's values with exact counts. Raises like `answer`."""

    def models(self, asked: ModelQuery, interruption: Interruption | None = None) -> ModelPage:
        """Return a page of the models themselves. Raises like `answer`."""

    def model(self, asked: RecordQuery, interruption: Interruption | None = None) -> dict[str, Any] | None:
        """Return the requested fields of the record of one model, by column; None if it is not in the scope.

        A model outside of the scope takes as long as one that does not exist. Raises like `answer`.
        """

    def seen_from(self, present: Engine) -> Engine:
        """Return an engine over this snapshot that shows only the models that may be shown of an earlier snapshot.

        `present` is an engine over the current snapshot; it may be closed afterwards. Closing this engine does not
        close the new one, nor the reverse.
        """

    def close(self) -> None:
        """Release all resources. The caller makes sure that no query runs or follows."""


@runtime_checkable
class Remote(Protocol):
    """The further members of an engine that queries a server."""

    @property
    def reachable(self) -> bool:
        """Whether the last call to the server succeeded."""

    def check(self) -> None:
        """Call the server, and set `reachable`. Blocks for seconds if the server does not answer."""


class Cursor(Protocol):
    """Runs the statements of one request, in its thread. `name` is such as `facets/counts`, for a file under `sql/`."""

    def columns(self, name: str, parameters: Mapping[str, Any]) -> Columns:
        """Run a statement whose columns are integers without nulls, and return them."""

    def rows(self, name: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a statement, and return its rows."""


class Instance(Protocol[CursorT_co]):
    """The tables of one snapshot's index, and a cursor for each request."""

    def cursor(self, interruption: Interruption) -> AbstractContextManager[CursorT_co]:
        """Open a cursor for the request that runs in this thread; `interruption` stops its statements.

        The block raises `Interrupted` if it was stopped, `Unavailable` if a statement failed.
        """

    def close(self) -> None:
        """Release all resources. The caller makes sure that no cursor is open or follows."""
