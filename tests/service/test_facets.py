from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from facets_svc.engine.base import Engine
from facets_svc.errors import LakeError, NotFound, Overloaded, ReloadRunning, SnapshotCorrupt, Unavailable
from facets_svc.facets.query import FacetQuery
from facets_svc.service.answers import ServedSnapshot
from tests.service.engines import CREATED_AT, OracleEngine, WaitingEngine, row
from tests.service.forms import WHOLE
from tests.service.lake import Lake, until

pytestmark = pytest.mark.anyio

ACME = FacetQuery.of("acme", limit=10)


async def test_an_answer_tells_the_snapshot_that_it_comes_from() -> None:
    engine = OracleEngine([row("acme", "one", tags=["a"])])
    async with Lake(engine).service().running() as service:
        answered = await service.ask(ACME, WHOLE)

    assert answered.snapshot == ServedSnapshot("s1", CREATED_AT)
    assert answered.answer == OracleEngine([row("acme", "one", tags=["a"])]).answer(ACME)
    assert {name.split("_")[0] for name in engine.threads} == {"facets-query"}


async def test_the_engine_is_closed_when_the_service_ends() -> None:
    engine = OracleEngine()
    async with Lake(engine).service().running():
        assert not engine.closed
    assert engine.closed


async def test_an_org_that_must_be_known_and_is_not_is_not_found() -> None:
    async with Lake(OracleEngine([row("acme", "one")])).service().running() as service:
        assert (await service.ask(ACME, WHOLE, must_know_org=True)).answer.total == 1
        with pytest.raises(NotFound):
            await service.ask(FacetQuery.of("ghost", limit=10), WHOLE, must_know_org=True)
        assert (await service.ask(FacetQuery.of("ghost", limit=10), WHOLE)).answer.total == 0


async def test_without_a_snapshot_the_service_runs_and_takes_up_the_first_one_that_appears() -> None:
    lake = Lake()
    async with lake.service(poll_seconds=0.05).running() as service:
        assert service.snapshot is None
        with pytest.raises(Unavailable):
            await service.ask(ACME, WHOLE)

        lake.engines["s1"], lake.current = OracleEngine(), "s1"
        await until(lambda: service.snapshot is not None)

        assert (await service.ask(ACME, WHOLE)).snapshot.id == "s1"


async def test_a_poll_takes_up_a_new_snapshot_and_a_rolled_back_one() -> None:
    first, second, again = (OracleEngine(snapshot_id=name) for name in ("s1", "s2", "s1"))
    lake = Lake(first, second)
    async with lake.service(poll_seconds=0.05).running() as service:
        lake.current = "s2"
        await until(lambda: first.closed)
        assert service.snapshot == ServedSnapshot("s2", CREATED_AT)

        lake.engines["s1"], lake.current = again, "s1"
        await until(lambda: second.closed)
        assert service.snapshot == ServedSnapshot("s1", CREATED_AT)

    assert lake.opened == ["s1", "s2", "s1"]


async def test_since_when_the_lake_cannot_be_read_is_known_until_it_can_be() -> None:
    broken, whole = OSError("torn"), OracleEngine(snapshot_id="s2")
    lake = Lake(OracleEngine(snapshot_id="s1"))
    async with lake.service().running() as service:

        def since() -> datetime | None:
            return service.lake_unreadable_since

        assert since() is None
        begun = datetime.now(UTC)
        lake.engines["s2"], lake.current = broken, "s2"
        with pytest.raises(Unavailable):
            await service.reload()
        first = since()
        assert first is not None
        assert begun <= first <= datetime.now(UTC)
        with pytest.raises(Unavailable):
            await service.reload()
        assert since() == first
        assert (await service.ask(ACME, WHOLE)).snapshot.id == "s1"

        lake.engines["s2"] = whole
        assert await service.reload() == "s2"
        assert since() is None


async def test_a_hangup_looks_at_once() -> None:
    lake = Lake(OracleEngine(snapshot_id="s1"), OracleEngine(snapshot_id="s2"))
    async with lake.service().running() as service:
        lake.current = "s2"
        service.poll_soon()
        await until(lambda: service.snapshot is not None and service.snapshot.id == "s2")


async def test_a_request_that_runs_while_the_snapshot_changes_is_answered_from_the_old_one() -> None:
    old = WaitingEngine([row("acme", "one")], snapshot_id="old")
    new = OracleEngine([row("acme", "one"), row("acme", "two")], snapshot_id="new")
    lake = Lake(old, new)
    async with lake.service().running() as service:
        running = asyncio.create_task(service.ask(ACME, WHOLE))
        await asyncio.to_thread(old.started.acquire)
        lake.current = "new"
        assert await service.reload() == "new"

        assert not old.closed
        later = await service.ask(ACME, WHOLE)
        old.go.set()
        earlier = await running

        assert (earlier.snapshot.id, earlier.answer.total) == ("old", 1)
        assert (later.snapshot.id, later.answer.total) == ("new", 2)
        await until(lambda: old.closed)


async def test_opening_a_snapshot_holds_up_no_request() -> None:
    go = threading.Event()
    lake = Lake(OracleEngine(snapshot_id="s1"), OracleEngine(snapshot_id="s2"))
    at_once = lake.open_engine

    def slowly(snapshot_id: str) -> Engine:
        assert snapshot_id == "s1" or go.wait(20)
        return at_once(snapshot_id)

    lake.open_engine = slowly  # type: ignore[method-assign]
    async with lake.service().running() as service:
        lake.current = "s2"
        reload = asyncio.create_task(service.reload())
        assert (await service.ask(ACME, WHOLE)).snapshot.id == "s1"
        go.set()
        assert await reload == "s2"
        assert (await service.ask(ACME, WHOLE)).snapshot.id == "s2"


async def test_a_snapshot_that_does_not_open_leaves_the_old_one_and_one_log_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lake = Lake(OracleEngine(snapshot_id="s1"))
    async with lake.service(poll_seconds=0.05).running() as service:
        lake.engines["s2"], lake.current = SnapshotCorrupt("A checksum is wrong."), "s2"
        await until(lambda: lake.opened.count("s2") >= 3)

        assert (await service.ask(ACME, WHOLE)).snapshot.id == "s1"
        assert caplog.messages == ["Snapshot s2 was not loaded, s1 is still served, retrying: A checksum is wrong."]

        lake.engines["s2"] = OracleEngine(snapshot_id="s2")
        await until(lambda: service.snapshot is not None and service.snapshot.id == "s2")


async def test_each_new_reason_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    lake = Lake(OracleEngine(snapshot_id="s1"))
    async with lake.service().running() as service:
        for trouble in (LakeError("Gone."), LakeError("Gone."), OSError("torn"), None):
            lake.current = trouble
            with pytest.raises(Unavailable):
                await service.reload()

    assert caplog.messages == [
        "The current snapshot was not loaded, s1 is still served, retrying: Gone.",
        "The current snapshot was not loaded, s1 is still served, retrying: torn",
        "The current snapshot was not loaded, s1 is still served, retrying: The lake is empty. Run `facets-svc sync`.",
    ]


async def test_a_reload_of_the_current_snapshot_opens_nothing() -> None:
    lake = Lake(OracleEngine())
    async with lake.service().running() as service:
        assert await service.reload() == "s1"
    assert lake.opened == ["s1"]


async def test_a_second_reload_is_refused_while_one_runs() -> None:
    go = threading.Event()
    lake = Lake(OracleEngine())

    async with lake.service().running() as service:
        look = lake.current_id
        service._current_id = lambda: look() if go.wait(20) else None
        first = asyncio.create_task(service.reload())
        await asyncio.sleep(0)

        with pytest.raises(ReloadRunning):
            await service.reload()

        first.cancel()  # its caller has left; it goes on
        with pytest.raises(asyncio.CancelledError):
            await first
        with pytest.raises(ReloadRunning):
            await service.reload()
        go.set()
        await until(lambda: not service._reloading)
        assert await service.reload() == "s1"


async def test_a_full_queue_refuses() -> None:
    engine = WaitingEngine()
    async with Lake(engine).service(concurrency=1, queue=0).running() as service:
        running = asyncio.create_task(service.ask(ACME, WHOLE))
        await asyncio.to_thread(engine.started.acquire)
        with pytest.raises(Overloaded):
            await service.ask(FacetQuery.of("rival", limit=10), WHOLE)
        engine.go.set()
        await running


async def test_a_query_whose_caller_has_left_is_interrupted() -> None:
    engine = WaitingEngine()
    async with Lake(engine).service().running() as service:
        running = asyncio.create_task(service.ask(ACME, WHOLE))
        await asyncio.to_thread(engine.started.acquire)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await asyncio.to_thread(engine.interrupted.wait, 20)


async def test_fifty_swaps_under_load_fail_no_request_and_mix_no_answer() -> None:
    engines = [
        OracleEngine([row("acme", str(number)) for number in range(size)], snapshot_id=f"s{size}") for size in range(51)
    ]
    lake = Lake(*engines)
    async with lake.service(concurrency=4, queue=1000).running() as service:
        swapped = asyncio.Event()

        async def keep_asking() -> set[tuple[str, int]]:
            answers = set()
            while not swapped.is_set():
                answered = await service.ask(ACME, WHOLE)
                answers.add((answered.snapshot.id, answered.answer.total))
                await asyncio.sleep(0)  # a kept answer comes at once: others have their turn
            return answers

        asking = [asyncio.create_task(keep_asking()) for _ in range(8)]
        for size in range(1, 51):
            lake.current = f"s{size}"
            assert await service.reload() == f"s{size}"
        swapped.set()
        seen = {pair for answers in await asyncio.gather(*asking) for pair in answers}

        assert all(snapshot_id == f"s{total}" for snapshot_id, total in seen)
        assert len(seen) > 1
        await until(lambda: all(engine.closed for engine in engines[:-1]))
        assert not engines[-1].closed
