"""The service: answers questions from the current snapshot, and loads a new one when it is published."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Self, cast

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
from facets_svc.service.answers import Answered, EncodedT, Form, QuestionT, ServedSnapshot
from facets_svc.service.earlier import EarlierSnapshots, EarlierSource, ModelCounts, SharedEngine
from facets_svc.service.pool import Pool, lower_priority
from facets_svc.service.swap import CurrentEngine, LoadedEngine
from facets_svc.service.timing import Stages, Timing

Answering = Callable[[Engine, Interruption], Answer]

_logger = logging.getLogger(__name__)


class FacetService:
    """Answers questions while `running`, and polls the lake for a new snapshot every `poll_seconds`.

    `current_id` returns the id of the current snapshot (None: the lake is empty), `open_engine` opens it. Both may
    block. If one of them raises an exception, the engine from before stays, and the log has the reason.

    At most `concurrency` queries run and `queue` more wait. A query is interrupted after `deadline_seconds`. The
    response cache of the current snapshot has `cache_bytes`. `earlier` lists and opens earlier snapshots (None: there
    are none), of which at most `earlier_snapshots` are open at a time.
    """

    def __init__(  # noqa: PLR0913 - the composition root passes each by name
        self,
        *,
        current_id: Callable[[], str | None],
        open_engine: Callable[[str], Engine],
        poll_seconds: float,
        concurrency: int,
        queue: int,
        deadline_seconds: float = 2.0,
        cache_bytes: int = 64 * 1024 * 1024,
        earlier: EarlierSource | None = None,
        earlier_snapshots: int = 1,
    ) -> None:
        self._current_id = current_id
        self._open_engine = open_engine
        self._poll_seconds = poll_seconds
        self._deadline_seconds = deadline_seconds
        self._current = CurrentEngine(cache_bytes=cache_bytes)
        self._pool = Pool(threads=concurrency, queue=queue, max_wait_seconds=deadline_seconds / 2)
        self._opener = ThreadPoolExecutor(  # a single thread: loads never overlap
            1, thread_name_prefix="facets-open", initializer=lower_priority
        )
        self._earlier = EarlierSnapshots(earlier, capacity=earlier_snapshots, refresh_seconds=poll_seconds)
        self._poll_now = asyncio.Event()
        self._reloading = False
        self._last_failure: tuple[str | None, str] | None = None
        self._lake_unreadable_since: datetime | None = None

    @property
    def lake_unreadable_since(self) -> datetime | None:
        """The time since which every poll of the lake has failed; None after a successful one.

        Meanwhile the service answers from the snapshot that is loaded.
        """
        return self._lake_unreadable_since

    @property
    def snapshot(self) -> ServedSnapshot | None:
        """The current snapshot; None while none is loaded, and the service is not ready."""
        return self._current.snapshot

    @property
    def reachable(self) -> bool:
        """Whether the remote server of the current engine answered the last time; true for a local engine."""
        loaded = self._current.loaded
        return loaded is None or not isinstance(loaded.engine, Remote) or loaded.engine.reachable

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Load the current snapshot, poll for newer ones while the block runs, and close everything at its end.

        The block begins after the first poll, so that a new process does not refuse requests that it can answer a
        moment later. The service also runs without a snapshot.
        """
        await self._poll_once()
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
        """Return the answer to `question` from the response cache of the current snapshot, without a thread.

        None if `ask` must answer, also for an org that must be known and is not. Raises `Overloaded` if `ask` would
        have to compute the answer and would refuse to.
        """
        loaded = self._current.loaded
        if loaded is None or (must_know_org and not loaded.engine.knows(question.org)):
            return None
        resolved = self._earlier.resolved_now(question, loaded)
        if resolved is None:
            return None
        found = loaded.cache.get(resolved, form)
        if (
            found is None
            and (resolved, form) not in loaded.single_flight
            and not _outdated(resolved, loaded.snapshot.id)
        ):
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
        """Return the answer to `question` from one snapshot, encoded by `form`; fill in `timing`.

        Equal questions in the same form at the same time share one computation, which is interrupted when its last
        caller is cancelled.

        Raises `Overloaded` if the queue is full, `NotFound` if the org is unknown and `must_know_org`, `InvalidRequest`
        for a cursor of another snapshot's list, `Unavailable` without a snapshot or when the engine fails, and
        `DeadlineExceeded`.
        """
        timing = timing or Timing()
        with self._current.in_use() as loaded:
            if must_know_org and not loaded.engine.knows(question.org):
                self._pool.admission.require_place()
                raise NotFound("The org is unknown.")
            question = await self._earlier.resolved(question, loaded)
            _require_cursor_of(question, loaded.snapshot.id)
            if (cached := loaded.cache.get(question, form)) is not None:
                timing.hit = True
                return cached
            compute = partial(self._compute, loaded, question, form)
            return cast("EncodedT", await loaded.single_flight.join((question, form), compute, timing))

    def require_known(self, org: str) -> None:
        """Raise `NotFound` if the org is unknown, `Unavailable` without a snapshot."""
        with self._current.in_use() as loaded:
            if not loaded.engine.knows(org):
                raise NotFound("The org is unknown.")

    async def reload(self) -> str:
        """Poll the lake now, load the current snapshot, and return its id.

        The reload goes on if its caller is cancelled. Raises `ReloadRunning` while another one runs, `Unavailable` if
        the snapshot cannot be opened; then the one from before stays.
        """
        if self._reloading:
            raise ReloadRunning("A reload is running already.")
        self._reloading = True
        loading = asyncio.ensure_future(self._load_in_thread())
        loading.add_done_callback(self._reloaded)
        return await asyncio.shield(loading)

    def poll_soon(self) -> None:
        """Poll the lake at once instead of after `poll_seconds`. Call it in the event loop, as signal handlers do."""
        self._poll_now.set()

    async def _poll(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._poll_now.wait(), self._poll_seconds)
            self._poll_now.clear()
            await self._poll_once()

    async def _poll_once(self) -> None:
        with suppress(Unavailable):  # _load has logged the reason
            await self._load_in_thread()

    async def _load_in_thread(self) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._opener, self._load)

    def _reloaded(self, loading: asyncio.Future[str]) -> None:
        self._reloading = False
        if not loading.cancelled():
            loading.exception()  # if the caller has left, asyncio would log that nobody retrieved it

    def _load(self) -> str:
        """Load the current snapshot unless it is loaded, and return its id. Runs in the opener's thread."""
        self._earlier.close_idle()
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
        except Exception as error:  # the service outlives any error of a lake
            self._note_unreadable(self._lake_unreadable_since or datetime.now(UTC))
            self._log_failure(current, error)
            raise Unavailable("The current snapshot cannot be opened. The log has the reason.") from error
        self._last_failure = None
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

    def _log_failure(self, current: str | None, error: Exception) -> None:
        """Log why a snapshot was not loaded; the same reason for the same id is logged once."""
        reason = str(error) or type(error).__name__
        if (current, reason) == self._last_failure:
            return
        self._last_failure = (current, reason)
        what = "The current snapshot" if current is None else f"Snapshot {current}"
        served = "nothing is served yet" if self.snapshot is None else f"{self.snapshot.id} is still served"
        trace = None if isinstance(error, FacetsError) else error
        _logger.error("%s was not loaded, %s, retrying: %s", what, served, reason, exc_info=trace)

    async def _compute(
        self, loaded: LoadedEngine, question: QuestionT, form: Form[QuestionT, EncodedT], stages: Stages
    ) -> EncodedT:
        """Compute the answer in the pool within the deadline, and cache it.

        The deadline does not cover opening and counting earlier snapshots, which comes first.
        """
        if isinstance(question, SnapshotsQuery):
            answering: Answering = partial(_snapshot_list, question, await self._earlier.counts(question, loaded))
        else:
            answering = partial(_answer_of, question)
        async with self._earlier.engine_for(question, loaded) as shared:
            try:
                async with asyncio.timeout(self._deadline_seconds) as deadline:
                    encoded = await self._pool.run(partial(_answer, shared, question, answering, form, stages))
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
    shared: SharedEngine,
    question: QuestionT,
    answering: Answering,
    form: Form[QuestionT, EncodedT],
    stages: Stages,
    interruption: Interruption,
) -> EncodedT:
    """Compute and encode an answer. Runs in a thread of the pool."""
    stages.started = time.perf_counter()
    with shared.in_use() as engine, tracing.statements() as names:
        answer = answering(engine, interruption)
    stages.counted = time.perf_counter()
    stages.statements = tuple(names)
    encoded = form.encode(question, Answered(answer, shared.snapshot))
    stages.encoded = time.perf_counter()
    metrics.answered(
        type(question).__name__.removesuffix("Query").lower(),
        queue_seconds=stages.started - stages.begun,
        engine_seconds=stages.counted - stages.started,
        encode_seconds=stages.encoded - stages.counted,
    )
    return encoded


def _answer_of(
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


def _snapshot_list(
    question: SnapshotsQuery, counts: Mapping[str, ModelCounts], engine: Engine, interruption: Interruption
) -> SnapshotList:
    """Return the snapshots with the number of their models in the scope; `engine` reads the current one."""
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


def _outdated(question: Question, current: str) -> str | None:
    """Return the error of a cursor whose list has changed; None for any other question."""
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
    """Raise `InvalidRequest` if the question has a cursor of another list."""
    if (error := _outdated(question, current)) is not None:
        wrong = InvalidField(("query", "cursor"), error, "gone")
        raise InvalidRequest("The list has changed; see errors.", fields=(wrong,))
