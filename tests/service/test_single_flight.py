from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from facets_svc.service.single_flight import SingleFlight

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


class Work:
    """Waits until it may go on, and counts how often it was done."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.done = 0

    def __call__(self) -> int:
        assert self.go.wait(60)
        self.done += 1
        return self.done


async def test_work_that_several_want_at_the_same_time_is_done_once(thread: ThreadPoolExecutor) -> None:
    shared, work = SingleFlight(), Work()
    waiting = [asyncio.create_task(shared.run("a", thread, work)) for _ in range(3)]
    await asyncio.sleep(0)
    assert ("a" in shared, "b" in shared, len(shared)) == (True, False, 1)
    work.go.set()
    assert await asyncio.gather(*waiting) == [1, 1, 1]
    assert await shared.run("a", thread, work) == 2, "what is done is not kept"
    assert len(shared) == 0


async def test_work_goes_on_when_all_who_waited_have_left(thread: ThreadPoolExecutor) -> None:
    shared, work = SingleFlight(), Work()
    leaving = asyncio.create_task(shared.run("a", thread, work))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert "a" in shared
    staying = asyncio.create_task(shared.run("a", thread, work))
    await asyncio.sleep(0)
    work.go.set()
    assert await staying == 1


async def test_an_error_is_that_of_all_who_waited_and_the_next_one_begins_anew(thread: ThreadPoolExecutor) -> None:
    shared = SingleFlight()

    def fail() -> None:
        raise ValueError("no")

    failed = await asyncio.gather(*(shared.run("a", thread, fail) for _ in range(2)), return_exceptions=True)
    assert [str(error) for error in failed] == ["no", "no"]
    assert await shared.run("a", thread, lambda: 1) == 1
