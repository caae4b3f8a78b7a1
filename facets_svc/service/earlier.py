"""Earlier snapshots: lists them, opens a few, and limits each to the models that the current snapshot still shows."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, TypeVar, cast

from facets_svc.engine.base import Engine
from facets_svc.errors import (
    DeadlineExceeded,
    LakeError,
    NoSnapshot,
    NotFound,
    Overloaded,
    SnapshotCorrupt,
    Unavailable,
)
from facets_svc.facets.query import AsOf, Question, SnapshotsQuery
from facets_svc.service import moments
from facets_svc.service.answers import QuestionT, ServedSnapshot
from facets_svc.service.pool import lower_priority
from facets_svc.service.response_cache import ResponseCache
from facets_svc.service.single_flight import SingleFlight
from facets_svc.service.swap import LoadedEngine

T = TypeVar("T")

OPENING_SECONDS: Final = 30.0
"""How long a request waits until an earlier snapshot is open, or its models are counted."""

IDLE_SECONDS: Final = 600.0
"""An earlier snapshot without a request for this long is closed."""

MAX_WAITING: Final = 8
"""Snapshots that may wait to be opened or counted. Requests for more are refused with `Overloaded`."""

_RESERVED_SECONDS: Final = 1.0
"""A newly opened snapshot stays open this long for the requests that wait for it, even if others need its place."""

_logger = logging.getLogger(__name__)


class ModelCounts(Protocol):
    """The numbers of models of an earlier snapshot that each org still sees."""

    def of(self, org: str, *, include_public: bool) -> int:
        """Return the number of models in the scope of `org`."""


@dataclass(frozen=True, slots=True)
class EarlierSource:
    """Functions that list, open and count earlier snapshots. All of them may block.

    `retained` lists the snapshots up to the current one, whose id it takes, oldest first. `open_engine` opens the
    snapshot of an id. `count` counts the models of a snapshot that an engine over the current snapshot still shows.
    """

    retained: Callable[[str], Sequence[ServedSnapshot]]
    open_engine: Callable[[str], Engine]
    count: Callable[[str, Engine], ModelCounts]


class SharedEngine(Protocol):
    """An engine that several requests use at a time, and its snapshot."""

    @property
    def snapshot(self) -> ServedSnapshot:
        """The snapshot that the engine reads."""

    @contextmanager
    def in_use(self) -> Iterator[Engine]:
        """Hold the engine open for one query."""


@dataclass(slots=True, eq=False)
class _Opened:
    """An open earlier snapshot.

    `used` is when it was last used, in seconds of `time.monotonic`; `view` the current engine that its last view was
    made for, and that view.
    """

    holder: LoadedEngine
    used: float
    view: tuple[LoadedEngine, Engine] | None = None


@dataclass(frozen=True, slots=True)
class _View:
    """An earlier snapshot, limited to the models that the current one still shows."""

    holder: LoadedEngine
    engine: Engine

    @property
    def snapshot(self) -> ServedSnapshot:
        return self.holder.snapshot

    @contextmanager
    def in_use(self) -> Iterator[Engine]:
        with self.holder.in_use():
            yield self.engine


class EarlierSnapshots:
    """Keeps at most `capacity` earlier snapshots open (0: there are none), and opens them one by one in a thread.

    Another thread lists the snapshots again after `refresh_seconds`. An earlier snapshot shows only models that the
    current one shows, too: that view is made anew for each current snapshot.
    """

    def __init__(self, source: EarlierSource | None, *, capacity: int, refresh_seconds: float) -> None:
        self._source = source if capacity else None
        self._capacity = capacity
        self._refresh_seconds = refresh_seconds
        self._lock = threading.Lock()
        self._open: OrderedDict[str, _Opened] = OrderedDict()
        self._reserved: set[_Opened] = set()
        self._retained: tuple[str, float, Sequence[ServedSnapshot]] | None = None
        self._counts: tuple[LoadedEngine, dict[str, ModelCounts]] | None = None
        self._single_flight = SingleFlight()
        self._opener = ThreadPoolExecutor(1, thread_name_prefix="facets-earlier", initializer=lower_priority)
        self._lister = ThreadPoolExecutor(1, thread_name_prefix="facets-retained", initializer=lower_priority)

    def resolved_now(self, question: QuestionT, loaded: LoadedEngine) -> QuestionT | None:
        """Return the question with the snapshots that it asks for; None if that needs the lake or finds none."""
        if not moments.is_unresolved(question):
            return question
        retained = self._retained_now(loaded)
        if retained is None:
            return None
        try:
            return moments.resolve(question, retained, loaded.snapshot.id)
        except NotFound:
            return None

    async def resolved(self, question: QuestionT, loaded: LoadedEngine) -> QuestionT:
        """Return the question with the snapshots that it asks for.

        Raises `NotFound` if there are none, `Unavailable` if the lake cannot be read.
        """
        return (
            moments.resolve(question, await self._list_retained(loaded), loaded.snapshot.id)
            if moments.is_unresolved(question)
            else question
        )

    @asynccontextmanager
    async def engine_for(self, question: Question, loaded: LoadedEngine) -> AsyncIterator[SharedEngine]:
        """Hold open the engine that answers a resolved question: over the current snapshot, or over an earlier one.

        Raises `NotFound` if the snapshot was pruned, `Unavailable` if it cannot be opened, `DeadlineExceeded` after
        `OPENING_SECONDS`, `Overloaded` if too many others wait to be opened.
        """
        moment = moments.moment_of(question)
        if not isinstance(moment, AsOf):
            yield loaded
            return
        opened = await self._opened(moment.snapshot_id)
        try:
            engine = await self._shared(("view", moment), partial(self._view, opened, loaded))
            yield cast("SharedEngine", _View(opened.holder, engine))
        finally:
            await asyncio.get_running_loop().run_in_executor(None, opened.holder.release)

    async def counts(self, question: SnapshotsQuery, loaded: LoadedEngine) -> Mapping[str, ModelCounts]:
        """Return the counts of the question's earlier snapshots, by id, without those that are pruned or corrupt.

        Raises the errors of `engine_for`, and `LakeError` if the lake cannot be read.
        """
        if self._counts is None or self._counts[0] is not loaded:
            self._counts = (loaded, {})
        counts = self._counts[1]
        for snapshot_id, _ in question.snapshots:
            if snapshot_id != loaded.snapshot.id and snapshot_id not in counts:
                work = partial(self._count, snapshot_id, loaded)
                with suppress(NoSnapshot, SnapshotCorrupt):
                    counts[snapshot_id] = await self._shared(("count", loaded.snapshot.id, snapshot_id), work)
        return counts

    def close_idle(self) -> None:
        """Close the snapshots that were not used for `IDLE_SECONDS`. May block while they close."""
        now = time.monotonic()
        with self._lock:
            overdue = [opened for opened in self._reserved if opened.used < now - _RESERVED_SECONDS]
            idle = [name for name, opened in self._open.items() if opened.used < now - IDLE_SECONDS]
            closing = [self._open.pop(name) for name in idle]
        self._release_reserved(overdue)
        for opened in closing:
            opened.holder.retire()

    def close(self) -> None:
        """Stop the threads, and close all snapshots. May block."""
        for thread in (self._opener, self._lister):
            thread.shutdown(wait=True, cancel_futures=True)
        self._release_reserved(list(self._reserved))
        self._evict(keep=0)

    def _retained_now(self, loaded: LoadedEngine) -> Sequence[ServedSnapshot] | None:
        if self._source is None:
            return [loaded.snapshot]
        if self._retained is None or self._retained[0] != loaded.snapshot.id:
            return None
        _, asked, retained = self._retained
        return retained if time.monotonic() - asked < self._refresh_seconds else None

    async def _list_retained(self, loaded: LoadedEngine) -> Sequence[ServedSnapshot]:
        if (retained := self._retained_now(loaded)) is not None:
            return retained
        assert self._source is not None  # noqa: S101 - for the type checker: without it the list is known
        current = loaded.snapshot.id
        try:
            retained = await self._shared(("retained", current), partial(self._source.retained, current), self._lister)
        except LakeError as error:
            if self._retained is None or self._retained[0] != current:
                raise Unavailable("The lake cannot be read, so its snapshots are unknown. Retry later.") from error
            retained = self._retained[2]
        self._retained = (current, time.monotonic(), retained)
        return retained

    async def _opened(self, snapshot_id: str) -> _Opened:
        """Return an open snapshot, acquired once for the caller."""
        while True:
            with self._lock:
                opened = self._open.get(snapshot_id)
            if opened is None:
                opened = await self._shared(("open", snapshot_id), partial(self._open_snapshot, snapshot_id))
            if opened.holder.acquire():
                opened.used = time.monotonic()
                with self._lock:
                    if snapshot_id in self._open:
                        self._open.move_to_end(snapshot_id)
                self._release_reserved([opened])
                return opened

    def _open_snapshot(self, snapshot_id: str) -> _Opened:
        """Open a snapshot, and close the least recently used one before if there are too many."""
        assert self._source is not None  # noqa: S101 - for the type checker: without it none is asked for
        self._evict(keep=self._capacity - 1)
        try:
            engine = self._source.open_engine(snapshot_id)
        except NoSnapshot as error:
            self._retained = None
            raise NotFound("The snapshot was pruned.") from error
        except Exception as error:
            raise Unavailable("The snapshot cannot be opened. The log has the reason.") from error
        snapshot = ServedSnapshot(engine.snapshot_id, engine.created_at)
        opened = _Opened(LoadedEngine(engine, snapshot, ResponseCache(0)), time.monotonic())
        opened.holder.acquire()
        with self._lock:
            self._open[snapshot_id] = opened
            self._reserved.add(opened)
        _logger.info("Opened earlier snapshot %s", snapshot_id)
        return opened

    def _evict(self, *, keep: int) -> None:
        with self._lock:
            evicted = [self._open.popitem(last=False)[1] for _ in range(len(self._open) - keep)]
        for opened in evicted:
            opened.holder.retire()

    def _release_reserved(self, snapshots: Sequence[_Opened]) -> None:
        for opened in snapshots:
            with self._lock:
                held = opened in self._reserved
                self._reserved.discard(opened)
            if held:
                opened.holder.release()

    def _view(self, opened: _Opened, loaded: LoadedEngine) -> Engine:
        if opened.view is None or opened.view[0] is not loaded:
            with opened.holder.in_use() as engine:
                opened.view = (loaded, engine.seen_from(loaded.engine))
        return opened.view[1]

    def _count(self, snapshot_id: str, loaded: LoadedEngine) -> ModelCounts:
        assert self._source is not None  # noqa: S101 - for the type checker: without it there is none to count
        with loaded.in_use() as present:
            return self._source.count(snapshot_id, present)

    async def _shared(self, key: object, work: Callable[[], T], thread: ThreadPoolExecutor | None = None) -> T:
        """Return the result of blocking work in a thread, by default the opener; equal work at a time is done once."""
        if key not in self._single_flight and len(self._single_flight) >= MAX_WAITING:
            raise Overloaded("Too many earlier snapshots are being opened. Retry later.", retry_after_seconds=5)
        try:
            async with asyncio.timeout(OPENING_SECONDS) as deadline:
                return await self._single_flight.run(key, thread or self._opener, work)
        except TimeoutError:
            if not deadline.expired():
                raise
            raise DeadlineExceeded("The earlier snapshot is still being opened. Retry later.") from None
