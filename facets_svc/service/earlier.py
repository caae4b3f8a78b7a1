"""Earlier snapshots: which may be asked, those that are open, and what is seen of them from the current one."""

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
from facets_svc.service.answered import ServedSnapshot
from facets_svc.service.form import QuestionT
from facets_svc.service.priority import step_back
from facets_svc.service.response_cache import ResponseCache
from facets_svc.service.single_flight import SingleFlight
from facets_svc.service.swap import LoadedEngine

T = TypeVar("T")

OPENING_SECONDS: Final = 30.0
"""How long a request waits for an earlier snapshot to be opened, or its models to be counted."""

IDLE_SECONDS: Final = 600.0
"""An earlier snapshot that nobody has asked for so long is closed."""

MAX_WAITING: Final = 8
"""So many snapshots may wait to be opened or counted; whoever asks for another is told to come back."""

_HANDED_OVER_SECONDS: Final = 1.0
"""A snapshot that was just opened is held so long for those who waited for it, whoever wants another one opened."""

_logger = logging.getLogger(__name__)


class Counts(Protocol):
    """How many models of an earlier snapshot each org may be shown."""

    def of(self, org: str, *, include_public: bool) -> int:
        """Return how many models of the scope of `org` may be shown to it."""


@dataclass(frozen=True, slots=True)
class Past:
    """Where earlier snapshots come from. All of it may block.

    `retained` tells which may be asked while a snapshot is current, oldest first and that one last; `open_engine` opens
    one; `count` counts the models of one, as they are seen from an engine over the current snapshot.
    """

    retained: Callable[[str], Sequence[ServedSnapshot]]
    open_engine: Callable[[str], Engine]
    count: Callable[[str, Engine], Counts]


class Lender(Protocol):
    """What lends an engine, and tells the snapshot that it is over."""

    @property
    def snapshot(self) -> ServedSnapshot:
        """The snapshot that the engine is over."""

    @contextmanager
    def lent(self) -> Iterator[Engine]:
        """Lend the engine for one query."""


@dataclass(slots=True, eq=False)
class _Opened:
    """An earlier snapshot that is open, how it was last seen from current one, and when it was last used."""

    holder: LoadedEngine
    used: float
    seen: tuple[LoadedEngine, Engine] | None = None


@dataclass(frozen=True, slots=True)
class _View:
    """An earlier snapshot as it is seen from the current one."""

    holder: LoadedEngine
    engine: Engine

    @property
    def snapshot(self) -> ServedSnapshot:
        return self.holder.snapshot

    @contextmanager
    def lent(self) -> Iterator[Engine]:
        with self.holder.lent():
            yield self.engine


class EarlierSnapshots:
    """Opens at most `capacity` earlier snapshots (0: none may be asked), one after the other in a thread of its own.

    The list of snapshots is read again, in another thread, after `refresh_seconds`. What may be shown of an earlier
    snapshot depends on the current one: it is computed again for each current snapshot.
    """

    def __init__(self, past: Past | None, *, capacity: int, refresh_seconds: float) -> None:
        self._past = past if capacity else None
        self._capacity = capacity
        self._refresh_seconds = refresh_seconds
        self._lock = threading.Lock()
        self._open: OrderedDict[str, _Opened] = OrderedDict()
        self._handed_over: set[_Opened] = set()
        self._retained: tuple[str, float, Sequence[ServedSnapshot]] | None = None
        self._counts: tuple[LoadedEngine, dict[str, Counts]] | None = None
        self._shared_work = SingleFlight()
        self._opener = ThreadPoolExecutor(1, thread_name_prefix="facets-earlier", initializer=step_back)
        self._asker = ThreadPoolExecutor(1, thread_name_prefix="facets-retained", initializer=step_back)

    def settled_now(self, question: QuestionT, loaded: LoadedEngine) -> QuestionT | None:
        """Return the question with the snapshots that it means, if there are some and the lake need not be asked."""
        if not moments.is_open(question):
            return question
        retained = self._retained_now(loaded)
        if retained is None:
            return None
        try:
            return moments.settled(question, retained, loaded.snapshot.id)
        except NotFound:
            return None

    async def settled(self, question: QuestionT, loaded: LoadedEngine) -> QuestionT:
        """Return the question with the snapshots that it means.

        Raises `NotFound` when none is retained, `Unavailable` when the lake cannot be asked.
        """
        return (
            moments.settled(question, await self._ask_retained(loaded), loaded.snapshot.id)
            if moments.is_open(question)
            else question
        )

    @asynccontextmanager
    async def lender(self, question: Question, loaded: LoadedEngine) -> AsyncIterator[Lender]:
        """Lend what answers a settled question: the current snapshot, or an earlier one as it is seen from there.

        Raises `NotFound` when it has just been removed, `Unavailable` when it cannot be opened, `DeadlineExceeded`
        when that takes too long, `Overloaded` when too many others are asked for.
        """
        moment = moments.moment_of(question)
        if not isinstance(moment, AsOf):
            yield loaded
            return
        opened = await self._opened(moment.snapshot_id)
        try:
            engine = await self._shared(("see", moment), partial(self._see, opened, loaded))
            yield cast("Lender", _View(opened.holder, engine))
        finally:
            await asyncio.get_running_loop().run_in_executor(None, opened.holder.give_back)

    async def counts(self, question: SnapshotsQuery, loaded: LoadedEngine) -> Mapping[str, Counts]:
        """Return the counts of the earlier ones of the question's snapshots, but for those that are gone or spoiled.

        Raises like `lender`, and `LakeError` when the lake cannot be asked.
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

    def let_go_of_idle(self) -> None:
        """Close what nobody has asked for long. May block while it closes."""
        now = time.monotonic()
        with self._lock:
            left = [opened for opened in self._handed_over if opened.used < now - _HANDED_OVER_SECONDS]
            idle = [name for name, opened in self._open.items() if opened.used < now - IDLE_SECONDS]
            closing = [self._open.pop(name) for name in idle]
        self._end_handing_over(left)
        for opened in closing:
            opened.holder.end()

    def close(self) -> None:
        """Let everything go. May block."""
        for thread in (self._opener, self._asker):
            thread.shutdown(wait=True, cancel_futures=True)
        self._end_handing_over(list(self._handed_over))
        self._let_go(keep=0)

    def _retained_now(self, loaded: LoadedEngine) -> Sequence[ServedSnapshot] | None:
        if self._past is None:
            return [loaded.snapshot]
        if self._retained is None or self._retained[0] != loaded.snapshot.id:
            return None
        _, asked, retained = self._retained
        return retained if time.monotonic() - asked < self._refresh_seconds else None

    async def _ask_retained(self, loaded: LoadedEngine) -> Sequence[ServedSnapshot]:
        if (retained := self._retained_now(loaded)) is not None:
            return retained
        assert self._past is not None  # noqa: S101 - for the type checker: what is retained is known then
        current = loaded.snapshot.id
        try:
            retained = await self._shared(("retained", current), partial(self._past.retained, current), self._asker)
        except LakeError as error:
            if self._retained is None or self._retained[0] != current:
                raise Unavailable("The lake cannot be read, so its snapshots are unknown. Retry later.") from error
            retained = self._retained[2]
        self._retained = (current, time.monotonic(), retained)
        return retained

    async def _opened(self, snapshot_id: str) -> _Opened:
        """Return an open snapshot, held once more."""
        while True:
            with self._lock:
                opened = self._open.get(snapshot_id)
            if opened is None:
                opened = await self._shared(("open", snapshot_id), partial(self._open_it, snapshot_id))
            if opened.holder.take():
                opened.used = time.monotonic()
                with self._lock:
                    if snapshot_id in self._open:
                        self._open.move_to_end(snapshot_id)
                self._end_handing_over([opened])
                return opened

    def _open_it(self, snapshot_id: str) -> _Opened:
        """Open a snapshot, after the one that was not used for longest has gone if there are too many."""
        assert self._past is not None  # noqa: S101 - for the type checker: nothing earlier is asked for then
        self._let_go(keep=self._capacity - 1)
        try:
            engine = self._past.open_engine(snapshot_id)
        except NoSnapshot as error:
            self._retained = None
            raise NotFound("The snapshot was pruned.") from error
        except Exception as error:
            raise Unavailable("The snapshot cannot be opened. The log has the reason.") from error
        snapshot = ServedSnapshot(engine.snapshot_id, engine.created_at)
        opened = _Opened(LoadedEngine(engine, snapshot, ResponseCache(0)), time.monotonic())
        opened.holder.take()
        with self._lock:
            self._open[snapshot_id] = opened
            self._handed_over.add(opened)
        _logger.info("Opened earlier snapshot %s", snapshot_id)
        return opened

    def _let_go(self, *, keep: int) -> None:
        with self._lock:
            gone = [self._open.popitem(last=False)[1] for _ in range(len(self._open) - keep)]
        for opened in gone:
            opened.holder.end()

    def _end_handing_over(self, those: Sequence[_Opened]) -> None:
        for opened in those:
            with self._lock:
                held = opened in self._handed_over
                self._handed_over.discard(opened)
            if held:
                opened.holder.give_back()

    def _see(self, opened: _Opened, loaded: LoadedEngine) -> Engine:
        if opened.seen is None or opened.seen[0] is not loaded:
            with opened.holder.lent() as engine:
                opened.seen = (loaded, engine.seen_from(loaded.engine))
        return opened.seen[1]

    def _count(self, snapshot_id: str, loaded: LoadedEngine) -> Counts:
        assert self._past is not None  # noqa: S101 - for the type checker: there is nothing earlier to count then
        with loaded.lent() as present:
            return self._past.count(snapshot_id, present)

    async def _shared(self, key: object, work: Callable[[], T], thread: ThreadPoolExecutor | None = None) -> T:
        """Do blocking work in a thread (that which opens), once for all who want the same at the same time."""
        if key not in self._shared_work and len(self._shared_work) >= MAX_WAITING:
            raise Overloaded("Too many earlier snapshots are being opened. Retry later.", retry_after_seconds=5)
        try:
            async with asyncio.timeout(OPENING_SECONDS) as patience:
                return await self._shared_work.run(key, thread or self._opener, work)
        except TimeoutError:
            if not patience.expired():
                raise
            raise DeadlineExceeded("The earlier snapshot is still being opened. Retry later.") from None
