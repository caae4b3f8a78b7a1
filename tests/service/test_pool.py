from __future__ import annotations

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from facets_svc.engine.base import Interruption
from facets_svc.errors import Overloaded
from facets_svc.service.admission import MAX_RETRY_SECONDS
from facets_svc.service.pool import NICENESS, Pool

pytestmark = pytest.mark.anyio


class Work:
    """Work that waits for `go`."""

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.go = threading.Event()
        self.interruption: Interruption | None = None
        self.runs = 0

    def __call__(self, interruption: Interruption) -> str:
        self.runs += 1
        self.interruption = interruption
        self.started.release()
        with interruption.stopping_by(self.go.set):
            assert self.go.wait(20)
        return threading.current_thread().name


async def begun(work: Work) -> None:
    await asyncio.to_thread(work.started.acquire)


async def test_work_runs_in_a_thread_of_the_pool() -> None:
    pool = Pool(threads=1, queue=0)

    name = await pool.run(lambda _: threading.current_thread().name)

    assert name.startswith("facets-query")
    assert pool.admission.taken == 0
    pool.close()


async def test_what_neither_runs_nor_fits_the_queue_is_refused_with_a_time_to_come_back() -> None:
    pool, work = Pool(threads=1, queue=1), Work()
    running = asyncio.create_task(pool.run(work))
    await begun(work)
    waiting = asyncio.create_task(pool.run(work))
    await asyncio.sleep(0)

    with pytest.raises(Overloaded) as refusal:
        await pool.run(work)

    assert refusal.value.retry_after_seconds == 1
    work.go.set()
    await asyncio.gather(running, waiting)
    assert work.runs == 2
    assert pool.admission.taken == 0
    pool.close()


async def test_an_error_of_the_work_is_the_callers_and_gives_the_place_back() -> None:
    pool = Pool(threads=1, queue=0)

    def fail(_: Interruption) -> None:
        raise ValueError("no")

    for _ in range(3):
        with pytest.raises(ValueError, match="no"):
            await pool.run(fail)
    pool.close()


async def test_running_work_is_interrupted_when_its_caller_is_cancelled() -> None:
    pool, work = Pool(threads=1, queue=0), Work()
    running = asyncio.create_task(pool.run(work))
    await begun(work)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert await asyncio.to_thread(work.go.wait, 20)
    assert work.interruption is not None
    assert work.interruption.requested
    pool.close()
    assert pool.admission.taken == 0


async def test_a_place_stays_taken_until_the_thread_is_done_even_when_the_caller_has_left() -> None:
    pool = Pool(threads=1, queue=0)
    started, go = threading.Event(), threading.Event()

    def stubborn(_: Interruption) -> None:
        started.set()
        assert go.wait(20)

    running = asyncio.create_task(pool.run(stubborn))
    await asyncio.to_thread(started.wait)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    with pytest.raises(Overloaded):
        await pool.run(stubborn)

    go.set()
    pool.close()
    assert pool.admission.taken == 0


async def test_what_would_wait_longer_than_it_may_is_refused_with_the_time_it_would_have_waited() -> None:
    pool, work = Pool(threads=2, queue=100, max_wait_seconds=2.5), Work()
    pool.admission._mean_seconds = 1.0  # a second each
    asked = [asyncio.create_task(pool.run(work)) for _ in range(2 + 5)]
    await asyncio.sleep(0)

    with pytest.raises(Overloaded) as refusal:
        await pool.run(work)

    assert pool.admission.taken == 7
    assert refusal.value.retry_after_seconds == 3
    work.go.set()
    await asyncio.gather(*asked)
    assert 0 < pool.admission._mean_seconds < 1
    pool.close()


async def test_a_free_thread_is_given_however_long_work_has_taken_lately() -> None:
    pool = Pool(threads=1, queue=1, max_wait_seconds=0.1)
    pool.admission._mean_seconds = 1000.0
    assert await pool.run(lambda _: "done") == "done"
    pool.close()


@pytest.mark.skipif(sys.platform != "linux", reason="niceness is a process's own elsewhere")
async def test_threads_that_compute_and_those_that_they_start_step_back_behind_the_event_loop() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def of_both(_: Interruption) -> tuple[int, int]:
        with ThreadPoolExecutor(1) as started:
            return niceness(), started.submit(niceness).result()

    pool = Pool(threads=1, queue=0)
    expected = min(19, niceness() + NICENESS)
    before = niceness()
    assert await pool.run(of_both) == (expected, expected)
    assert niceness() == before
    pool.close()


async def test_waiting_work_whose_caller_is_cancelled_never_starts() -> None:
    pool, first, second = Pool(threads=1, queue=1), Work(), Work()
    running = asyncio.create_task(pool.run(first))
    await begun(first)
    waiting = asyncio.create_task(pool.run(second))
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert pool.admission.taken == 1
    first.go.set()
    await running
    pool.close()

    assert second.runs == 0


async def test_those_who_are_refused_get_increasing_retry_times() -> None:
    pool, work = Pool(threads=2, queue=0), Work()
    pool.admission._mean_seconds = 0.4  # five a second, of which one is for those who come back
    asked = [asyncio.create_task(pool.run(work)) for _ in range(2)]
    await begun(work)

    seconds = []
    for _ in range(40):
        with pytest.raises(Overloaded) as refusal:
            await pool.run(work)
        seconds.append(refusal.value.retry_after_seconds)

    assert seconds == sorted(seconds)
    assert seconds[:2] in ([1, 2], [1, 1])
    assert seconds[9] in (9, 10)
    assert seconds[-1] == MAX_RETRY_SECONDS
    work.go.set()
    await asyncio.gather(*asked)
    pool.close()
