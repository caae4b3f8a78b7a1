"""The sandbox as the service calls it: admits queries, provides their rows, and returns their answers."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self, TypeVar

from facets_svc.errors import DeadlineExceeded, NoSnapshot, Overloaded, QueryError, Unavailable
from facets_svc.sandbox.extract import Extracts
from facets_svc.sandbox.messages import Files, Limits, Outcome, Task
from facets_svc.sandbox.processes import Ended, Processes
from facets_svc.service.admission import AdmissionQueue
from facets_svc.service.pool import lower_priority
from facets_svc.service.single_flight import SingleFlight

T = TypeVar("T")

_TRIES: Final = 4
"""Attempts of a query: rows of the current or of earlier snapshots may be missing, each twice."""

CLIENTS_SHARE: Final = 0.5
"""The share of the places, running and waiting, that one client may take."""

UNSENT_ANSWERS: Final = 8
"""Number of answers of the largest size that may wait in memory for clients that read slowly."""

_LATE: Final = "The query exceeded its deadline and was stopped."

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A statement, or the name of a named query, with the values of its parameters and the form of its answer.

    `subject` is that of the client's token, `org` the org whose rows it reads.
    """

    subject: str
    org: str
    query: str | None = None
    name: str | None = None
    parameters: dict[str, Any]
    form: str


@dataclass(frozen=True, slots=True)
class SqlAnswer:
    """An answer: the id of its snapshot, the number of its rows, whether it is truncated, and its bytes."""

    snapshot_id: str
    rows: int
    truncated: bool
    content: bytes


class ParameterWrong(QueryError):
    """The parameter `name` is missing or unknown."""

    def __init__(self, message: str, name: str) -> None:
        """Keep the name."""
        super().__init__(message)
        self.name = name


class SqlSandbox:
    """Answers queries while `running`, within `limits`, whose deadline includes waiting.

    At most `processes` queries run at a time, and `queue` more wait.
    """

    def __init__(self, extracts: Extracts, *, limits: Limits, processes: int, queue: int) -> None:
        self._extracts = extracts
        self._limits = limits
        self._queue = AdmissionQueue(running=processes, waiting=queue, share=CLIENTS_SHARE, name="sql")
        self._processes = Processes()
        self._unsent_bytes = 0
        self._work = SingleFlight()
        # Rows of earlier snapshots take long to extract, and must not delay those of the current one.
        self._now, self._then = (
            ThreadPoolExecutor(1, thread_name_prefix=f"facets-extract-{name}", initializer=lower_priority)
            for name in ("now", "then")
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Answer queries inside the block; release all resources at its end."""
        try:
            yield self
        finally:
            self._processes.stop()
            await asyncio.get_running_loop().run_in_executor(None, self._close)

    async def ask(self, query: Query, snapshot_id: str) -> SqlAnswer:
        """Return the answer to `query` over the snapshot `snapshot_id`, which is current.

        Raises `QueryError` (also `ParameterWrong`) if the query is invalid or fails, `Overloaded` if the queue is full,
        `DeadlineExceeded`, `Unavailable` if no process can be started, and `LakeError`. If the caller is cancelled, the
        query is stopped.
        """
        if self._unsent_bytes > UNSENT_ANSWERS * self._limits.bytes:
            raise Overloaded("Too many clients have not read their answers yet. Retry later.", retry_after_seconds=1)
        deadline = time.monotonic() + self._limits.seconds
        try:
            async with asyncio.timeout(self._limits.seconds), self._queue.admitted(query.subject):
                return await self._answer(query, snapshot_id, deadline)
        except TimeoutError:
            raise DeadlineExceeded(_LATE) from None

    @contextmanager
    def sending(self, answer: SqlAnswer) -> Iterator[None]:
        """Count the bytes of `answer` as unsent during the block."""
        self._unsent_bytes += len(answer.content)
        try:
            yield
        finally:
            self._unsent_bytes -= len(answer.content)

    async def _answer(self, query: Query, present: str, deadline: float) -> SqlAnswer:
        for _ in range(_TRIES):
            make = partial(self._extracts.history, present, query.org)
            snapshots = await self._work.run((present, query.org), self._now, make)
            outcome, content = await self._run(query, snapshots, deadline)
            match outcome.kind:
                case "answered":
                    return SqlAnswer(present, outcome.rows, outcome.truncated, content)
                case "wrong" if outcome.parameter is not None:
                    raise ParameterWrong(outcome.message, outcome.parameter)
                case "wrong":
                    raise QueryError(outcome.message, line=outcome.line, column=outcome.column)
                case "wanting":
                    wanted = [files.snapshot_id for files in snapshots if files.snapshot_id in outcome.snapshots]
                    await self._extract_earlier(present, query.org, wanted)
                case _:
                    _logger.warning("A query failed: %s", outcome.message)
                    if all(os.path.exists(file) for file in snapshots[-1].files):  # noqa: PTH110, ASYNC240 - strings; a look
                        raise QueryError("The query failed in the engine.")
                    forget = partial(self._extracts.forget, present, query.org)
                    await self._work.run(("forget", present, query.org), self._now, forget)
        raise Unavailable("The rows of a snapshot could not be read.")

    async def _run(self, query: Query, snapshots: tuple[Files, ...], deadline: float) -> tuple[Outcome, bytes]:
        task = Task(
            query=query.query,
            name=query.name,
            parameters=query.parameters,
            snapshots=snapshots,
            form=query.form,
            limits=self._limits,
        )
        try:
            return await self._processes.run(task, max(0.001, deadline - time.monotonic()))
        except Ended as ended:
            _logger.warning("The process of a query died: %s", ended)
            message = "The query failed: its process ended, probably because it ran out of memory."
            raise QueryError(message) from None

    async def _extract_earlier(self, present: str, org: str, earlier: list[str]) -> None:
        for name in earlier:
            try:
                make = partial(self._extracts.earlier, present, org, name)
                await self._work.run((present, org, name), self._then, make)
            except NoSnapshot:
                raise QueryError(f"The snapshot {name} was removed. Retry the request.") from None

    def _close(self) -> None:
        for executor in (self._now, self._then):
            executor.shutdown(wait=True, cancel_futures=True)
