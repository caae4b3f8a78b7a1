"""The service: answers queries from the current snapshot, and loads a new one when there is one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final, Self, cast

from facets_svc import metrics, tracing
from facets_svc.engine.base import Engine, Interruption, Remote
from facets_svc.errors import (
    DeadlineExceeded,
    FacetsError,
    InvalidField,
    InvalidRequest,
    NotFound,
    ReloadRunning,
    Unavailable,
)
from facets_svc.facets.answer import Answer, ListedSnapshot, OneRecord, SnapshotList
from facets_svc.facets.query import FacetQuery, ModelQuery, Question, RecordQuery, SnapshotsQuery, ValueQuery, edition
from facets_svc.service.answered import Answered, ServedSnapshot
from facets_svc.service.earlier import Counts, EarlierSnapshots, Lender, Past
from facets_svc.service.form import EncodedT, Form, QuestionT
from facets_svc.service.pool import Pool
from facets_svc.service.priority import step_back
from facets_svc.service.swap import CurrentEngine, LoadedEngine
from facets_svc.service.timing import Course, Timing

DEADLINE_SECONDS: Final = 2.0
CACHE_BYTES: Final = 64 * 1024 * 1024

Answering = Callable[[Engine, Interruption], Answer]

_logger = logging.getLogger(__name__)


class FacetService:
    """Answers queries while `running`, and looks for a new snapshot every `poll_seconds`.

    `current_id` tells the id of the current snapshot (None: there is none), `open_engine` opens it. Both may block and
    may raise whatever they like: the engine that was there before stays, and the log says why.

    A query is interrupted `deadline_seconds` after it was asked. Answers are kept in at most `cache_bytes`, for as long
    as their snapshot is current. `past` is where earlier snapshots come from (None: there are none), of which at most
    `earlier_snapshots` are open at a time.
    """

    def __init__(  # noqa: PLR0913 - what the composition root decides, by name
        self,
        *,
        current_id: Callable[[], str | None],
        open_engine: Callable[[str], Engine],
        poll_seconds: float,
        concurrency: int,
        queue: int,
        deadline_seconds: float = DEADLINE_SECONDS,
        cache_bytes: int = CACHE_BYTES,
        past: Past | None = None,
        earlier_snapshots: int = 1,
    ) -> None:
        self._current_id = current_id
        self._open_engine = open_engine
        self._poll_seconds = poll_seconds
        self._deadline_seconds = deadline_seconds
        self._current = CurrentEngine(cache_bytes=cache_bytes)
        self._pool = Pool(threads=concurrency, queue=queue, patience_seconds=deadline_seconds / 2)
        self._opener = ThreadPoolExecutor(  # one: no two looks at a time
            1, thread_name_prefix="facets-open", initializer=step_back
        )
        self._earlier = EarlierSnapshots(past, capacity=earlier_snapshots, refresh_seconds=poll_seconds)
        self._look_now = asyncio.Event()
        self._reloading = False
        self._told: tuple[str | None, str] | None = None
        self._lake_unreadable_since: datetime | None = None

    @property
    def lake_unreadable_since(self) -> datetime | None:
        """When a look at the lake first failed, if each one since then has failed too; None after one that did not.

        The service answers from the snapshot that it has meanwhile.
        """
        return self._lake_unreadable_since

    @property
    def snapshot(self) -> ServedSnapshot | None:
        """The current snapshot, or None while there is none: then the service is not ready."""
        return self._current.snapshot

    @property
    def reachable(self) -> bool:
        """Whether the server that the current engine asks, if there is one, answered when it was last asked."""
        loaded = self._current.loaded
        return loaded is None or not isinstance(loaded.engine, Remote) or loaded.engine.reachable

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Open the current snapshot, keep looking for a newer one, and let everything go at the end.

        Entering waits for the first look, so that a process that has just started does not refuse what it could answer
        a moment later. A service without a snapshot runs too.
        """
        await self._look_or_keep()
        poller = asyncio.create_task(self._poll())
        try:
            yield self
        finally:
            poller.cancel()
            await asyncio.gather(poller, return_exceptions=True)
            await asyncio.get_running_loop().run_in_executor(None, self._close)

    def cached(
        self, question: QuestionT, form: Form[QuestionT, EncodedT], *, must_know_org: bool = False
    ) -> EncodedT | None:
        """Return the answer to `question` if the current snapshot has given it before: at once, without a thread.

        None for whatever `ask` has to find out, an org that must be known and is not included. Raises `Overloaded` if
        the answer would have to be computed, and `ask` would refuse that.
        """
        loaded = self._current.loaded
        if loaded is None or (must_know_org and not loaded.engine.knows(question.org)):
            return None
        settled = self._earlier.settled_now(question, loaded)
        if settled is None:
            return None
        found = loaded.cache.get(settled, form)
        if found is None and (settled, form) not in loaded.flight and not _gone(settled, loaded.snapshot.id):
            self._pool.admission.require_place()
        return found

    async def ask(
        self,
        question: QuestionT,
        form: Form[QuestionT, EncodedT],
        *,
        must_know_org: bool = False,
        timing: Timing | None = None,
    ) -> EncodedT:
        """Answer `question` from one snapshot, encoded as `form` does; `timing` is told where the time goes.

        The same question, asked in the same form while it is being answered, is answered once for all.

        Raises `Overloaded` when the queue is full, `NotFound` when `must_know_org` and the catalogue does not know the
        org, `InvalidRequest` for a page of another snapshot's list, `Unavailable` without a snapshot or when the engine
        fails, `DeadlineExceeded` when it takes too long. When the last caller is cancelled, the query is interrupted.
        """
        timing = timing or Timing()
        with self._current.lent() as loaded:
            if must_know_org and not loaded.engine.knows(question.org):
                self._pool.admission.require_place()
                raise NotFound("The org is unknown.")
            question = await self._earlier.settled(question, loaded)
            _require_cursor_of(question, loaded.snapshot.id)
            if (cached := loaded.cache.get(question, form)) is not None:
                timing.hit = True
                return cached
            compute = partial(self._compute, loaded, question, form)
            return cast("EncodedT", await loaded.flight.join((question, form), compute, timing))

    def require_known(self, org: str) -> None:
        """Raise `NotFound` when the catalogue does not know `org`, `Unavailable` without a snapshot."""
        with self._current.lent() as loaded:
            if not loaded.engine.knows(org):
                raise NotFound("The org is unknown.")

    async def reload(self) -> str:
        """Look at the lake now, and return the id of the current snapshot.

        Raises `ReloadRunning` while another one runs, `Unavailable` when the snapshot cannot be opened (the one before
        stays). Whoever asked may leave: the reload goes on.
        """
        if self._reloading:
            raise ReloadRunning("A reload is running already.")
        self._reloading = True
        look = asyncio.ensure_future(self._look())
        look.add_done_callback(self._reloaded)
        return await asyncio.shield(look)

    def look_soon(self) -> None:
        """Look at the lake now instead of at the next poll (for signal handlers; call it in the event loop)."""
        self._look_now.set()

    async def _poll(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), self._poll_seconds)
            self._look_now.clear()
            await self._look_or_keep()

    async def _look_or_keep(self) -> None:
        with suppress(Unavailable):  # logged where it was raised
            await self._look()

    async def _look(self) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._opener, self._load)

    def _reloaded(self, look: asyncio.Future[str]) -> None:
        self._reloading = False
        if not look.cancelled():
            look.exception()  # whoever asked may have left: then nobody else takes note of it

    def _load(self) -> str:
        """Load the current snapshot, unless it is loaded; return its id. Runs in the opening thread."""
        self._earlier.let_go_of_idle()
        current: str | None = None
        try:
            current = self._read_current()
            if current is None:
                raise Unavailable("The lake is empty. Run `facets-svc sync`.")
            if self.snapshot is None or self.snapshot.id != current:
                engine = self._open(current)
                self._current.replace(engine)
                metrics.snapshot_opened(engine.created_at)
                _logger.info("Snapshot %s is current", current)
            elif (loaded := self._current.loaded) and isinstance(loaded.engine, Remote):
                loaded.engine.check()
        except Exception as error:  # whatever is wrong with a lake, the service outlives it
            self._note_unreadable(self._lake_unreadable_since or datetime.now(UTC))
            self._tell(current, error)
            raise Unavailable("The current snapshot cannot be opened. The log has the reason.") from error
        self._told = None
        self._note_unreadable(None)
        return current

    def _note_unreadable(self, since: datetime | None) -> None:
        self._lake_unreadable_since = since
        metrics.lake_unreadable(since)

    def _read_current(self) -> str | None:
        try:
            return self._current_id()
        except Exception:
            metrics.poll_failed()
            raise

    def _open(self, snapshot_id: str) -> Engine:
        try:
            return self._open_engine(snapshot_id)
        except Exception:
            metrics.snapshot_failed()
            raise

    def _tell(self, current: str | None, error: Exception) -> None:
        """Log why a snapshot was not loaded: once for an id and a reason, however often it is tried."""
        reason = str(error) or type(error).__name__
        if (current, reason) == self._told:
            return
        self._told = (current, reason)
        what = "The current snapshot" if current is None else f"Snapshot {current}"
        served = "nothing is served yet" if self.snapshot is None else f"{self.snapshot.id} is still served"
        trace = None if isinstance(error, FacetsError) else error
        _logger.error("%s was not loaded, %s, retrying: %s", what, served, reason, exc_info=trace)

    async def _compute(
        self, loaded: LoadedEngine, question: QuestionT, form: Form[QuestionT, EncodedT], course: Course
    ) -> EncodedT:
        """Answer the question in the pool before its deadline, and keep the answer.

        To open an earlier snapshot, or to count what is seen of it, comes before that.
        """
        if isinstance(question, SnapshotsQuery):
            answering: Answering = partial(_list, question, await self._earlier.counts(question, loaded))
        else:
            answering = partial(_ask, question)
        async with self._earlier.lender(question, loaded) as lender:
            try:
                async with asyncio.timeout(self._deadline_seconds) as deadline:
                    encoded = await self._pool.run(partial(_answer, lender, question, answering, form, course))
            except TimeoutError:
                if not deadline.expired():
                    raise
                raise DeadlineExceeded("The query exceeded its deadline and was interrupted.") from None
        loaded.cache.put(question, form, encoded)
        return encoded

    def _close(self) -> None:
        self._opener.shutdown(wait=True, cancel_futures=True)
        self._pool.close()
        self._earlier.close()
        self._current.replace(None)


def _answer(
    lender: Lender,
    question: QuestionT,
    answering: Answering,
    form: Form[QuestionT, EncodedT],
    course: Course,
    interruption: Interruption,
) -> EncodedT:
    """Answer and encode, in a thread of the pool."""
    course.started = time.perf_counter()
    with lender.lent() as engine, tracing.statements() as names:
        answer = answering(engine, interruption)
    course.counted = time.perf_counter()
    course.statements = tuple(names)
    encoded = form.encode(question, Answered(answer, lender.snapshot))
    course.encoded = time.perf_counter()
    metrics.answered(
        type(question).__name__.removesuffix("Query").lower(),
        queue_seconds=course.started - course.begun,
        engine_seconds=course.counted - course.started,
        encode_seconds=course.encoded - course.counted,
    )
    return encoded


def _ask(
    question: FacetQuery | ValueQuery | ModelQuery | RecordQuery, engine: Engine, interruption: Interruption
) -> Answer:
    match question:
        case ValueQuery():
            return engine.values(question, interruption)
        case ModelQuery():
            return engine.models(question, interruption)
        case RecordQuery():
            record = engine.model(question, interruption)
            if record is None:
                raise NotFound("The model does not exist in this scope.")
            return OneRecord((record,))
    return engine.answer(question, interruption)


def _list(
    question: SnapshotsQuery, counts: Mapping[str, Counts], engine: Engine, interruption: Interruption
) -> SnapshotList:
    """List snapshots with the models that an org sees of them; `engine` is over the current one."""
    everything = FacetQuery.of(question.org, include_public=question.include_public, limit=1, wanted=())

    def models_of(snapshot_id: str) -> int:
        if snapshot_id == engine.snapshot_id:
            return engine.answer(everything, interruption).total
        return counts[snapshot_id].of(question.org, include_public=question.include_public)

    return SnapshotList(
        tuple(
            ListedSnapshot(snapshot_id, created_at, models_of(snapshot_id), snapshot_id == engine.snapshot_id)
            for snapshot_id, created_at in reversed(question.snapshots)
            if snapshot_id == engine.snapshot_id or snapshot_id in counts
        )
    )


def _gone(question: Question, current: str) -> str | None:
    """Return why there is no such page, if it is one of another list."""
    if not isinstance(question, ModelQuery) or question.edition is None:
        return None
    now = edition(question.query, current)
    if question.edition == now:
        return None
    why = (
        "which is no longer current"
        if question.edition[0] != now[0]
        else "whose visible models changed when another became current"
    )
    return f"Belongs to the snapshot {question.edition[0][:40]}, {why}. Start again without a cursor."


def _require_cursor_of(question: Question, current: str) -> None:
    """Raise `InvalidRequest` if a page is asked for of another list."""
    if (gone := _gone(question, current)) is not None:
        wrong = InvalidField(("query", "cursor"), gone, "gone")
        raise InvalidRequest("The list has changed; see errors.", fields=(wrong,))
