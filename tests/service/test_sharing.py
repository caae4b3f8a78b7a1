"""Single flight, the deadline and the response cache, as the callers of a service see them."""

from __future__ import annotations

import asyncio

import pytest

from facets_svc.engine.base import Interruption
from facets_svc.errors import DeadlineExceeded, NotFound, Overloaded
from facets_svc.facets.answer import FacetAnswer
from facets_svc.facets.query import FacetQuery
from facets_svc.service.timing import Stages, Timing
from tests.service import engines
from tests.service.engines import row
from tests.service.forms import WHOLE, WholeForm
from tests.service.lake import Lake, until

pytestmark = pytest.mark.anyio

ACME = FacetQuery.of("acme", limit=10)
RIVAL = FacetQuery.of("rival", limit=10)
ROWS = [row("acme", "one"), row("acme", "two"), row("rival", "open")]


class OracleEngine(engines.OracleEngine):
    """Counts its answers."""

    answers = 0

    def answer(self, query: FacetQuery, interruption: Interruption | None = None) -> FacetAnswer:
        self.answers += 1
        return super().answer(query, interruption)


class WaitingEngine(engines.WaitingEngine):
    """Counts its answers."""

    answers = 0

    def answer(self, query: FacetQuery, interruption: Interruption | None = None) -> FacetAnswer:
        answer = super().answer(query, interruption)
        self.answers += 1
        return answer


async def begun(engine: WaitingEngine) -> None:
    await asyncio.to_thread(engine.started.acquire)


async def test_a_question_asked_again_is_answered_without_the_engine() -> None:
    engine = OracleEngine(ROWS)
    async with Lake(engine).service().running() as service:
        assert service.cached(ACME, WHOLE) is None
        first, again = Timing(), Timing()
        answer = await service.ask(ACME, WHOLE, timing=first)

        assert service.cached(ACME, WHOLE) is answer
        assert await service.ask(ACME, WHOLE, timing=again) is answer
        assert engine.answers == 1
        assert (first.hit, again.hit) == (False, True)


async def test_another_org_scope_or_form_is_another_answer() -> None:
    async with Lake(OracleEngine(ROWS)).service().running() as service:
        await service.ask(ACME, WHOLE)

        assert service.cached(RIVAL, WHOLE) is None
        assert service.cached(FacetQuery.of("acme", limit=10, include_public=True), WHOLE) is None
        assert service.cached(ACME, WholeForm("gzip")) is None
        assert (await service.ask(RIVAL, WHOLE)).answer.total == 1
        assert (await service.ask(FacetQuery.of("acme", limit=10, include_public=True), WHOLE)).answer.total == 3


async def test_what_a_member_of_an_unknown_org_was_answered_an_operator_is_not() -> None:
    ghost = FacetQuery.of("ghost", limit=10)
    async with Lake(OracleEngine(ROWS)).service().running() as service:
        assert (await service.ask(ghost, WHOLE)).answer.total == 0
        assert service.cached(ghost, WHOLE) is not None
        assert service.cached(ghost, WHOLE, must_know_org=True) is None
        with pytest.raises(NotFound):
            await service.ask(ghost, WHOLE, must_know_org=True)


async def test_cached_answers_go_with_their_snapshot() -> None:
    old, new = OracleEngine(ROWS, snapshot_id="old"), OracleEngine(ROWS[:1], snapshot_id="new")
    lake = Lake(old, new)
    async with lake.service().running() as service:
        assert (await service.ask(ACME, WHOLE)).answer.total == 2
        loaded = service._current.loaded
        assert loaded is not None
        assert loaded.cache.bytes > 0

        lake.current = "new"
        await service.reload()

        assert service.cached(ACME, WHOLE) is None
        assert loaded.cache.bytes == 0
        assert (await service.ask(ACME, WHOLE)).answer.total == 1


async def test_an_answer_that_comes_after_the_swap_is_cached_nowhere() -> None:
    old, new = WaitingEngine(ROWS, snapshot_id="old"), OracleEngine(ROWS[:1], snapshot_id="new")
    lake = Lake(old, new)
    async with lake.service().running() as service:
        running = asyncio.create_task(service.ask(ACME, WHOLE))
        await begun(old)
        loaded = service._current.loaded
        assert loaded is not None
        lake.current = "new"
        await service.reload()
        old.go.set()

        assert (await running).snapshot.id == "old"
        assert (len(loaded.cache), service.cached(ACME, WHOLE)) == (0, None)
        assert old.closed


async def test_without_room_nothing_is_cached() -> None:
    engine = OracleEngine(ROWS)
    async with Lake(engine).service(cache_bytes=0).running() as service:
        await service.ask(ACME, WHOLE)
        await service.ask(ACME, WHOLE)
        assert engine.answers == 2


async def test_the_same_question_asked_by_many_at_once_is_computed_once_and_takes_one_place() -> None:
    engine = WaitingEngine(ROWS)
    async with Lake(engine).service(concurrency=1, queue=0).running() as service:
        timings = [Timing() for _ in range(50)]
        asking = [asyncio.create_task(service.ask(ACME, WHOLE, timing=timing)) for timing in timings]
        await begun(engine)
        with pytest.raises(Overloaded):
            await service.ask(RIVAL, WHOLE)
        engine.go.set()

        answers = await asyncio.gather(*asking)

        assert engine.answers == 1
        assert all(answer is answers[0] for answer in answers)
        assert [timing.shared for timing in timings] == [False] + [True] * 49


async def test_one_who_leaves_takes_the_computation_from_no_other() -> None:
    engine = WaitingEngine(ROWS)
    async with Lake(engine).service().running() as service:
        first, second, third = (asyncio.create_task(service.ask(ACME, WHOLE)) for _ in range(3))
        await begun(engine)
        first.cancel()  # also the one who began it
        third.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        with pytest.raises(asyncio.CancelledError):
            await third

        assert not engine.interrupted.is_set()
        engine.go.set()
        assert (await second).answer.total == 2
        assert not engine.interrupted.is_set()


async def test_the_computation_is_interrupted_when_the_last_has_left_and_the_next_one_starts_anew() -> None:
    engine = WaitingEngine(ROWS)
    async with Lake(engine).service().running() as service:
        asking = [asyncio.create_task(service.ask(ACME, WHOLE)) for _ in range(3)]
        await begun(engine)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

        assert await asyncio.to_thread(engine.interrupted.wait, 20)
        assert (await service.ask(ACME, WHOLE)).answer.total == 2


class FailingOnce(OracleEngine):
    def answer(self, query: FacetQuery, interruption: Interruption | None = None) -> FacetAnswer:
        answer = super().answer(query, interruption)
        if self.answers == 1:
            raise ValueError("the first time")
        return answer


async def test_an_error_is_all_waiters_and_is_not_cached() -> None:
    async with Lake(FailingOnce(ROWS)).service().running() as service:
        first = await asyncio.gather(*(service.ask(ACME, WHOLE) for _ in range(3)), return_exceptions=True)
        assert [str(error) for error in first] == ["the first time"] * 3
        assert service.cached(ACME, WHOLE) is None
        assert (await service.ask(ACME, WHOLE)).answer.total == 2


async def test_a_query_at_its_deadline_is_interrupted_and_the_next_one_is_answered() -> None:
    engine = WaitingEngine(ROWS)
    async with Lake(engine).service(concurrency=1, queue=0, deadline_seconds=0.05).running() as service:
        with pytest.raises(DeadlineExceeded):
            await service.ask(ACME, WHOLE)

        assert await asyncio.to_thread(engine.interrupted.wait, 20)
        await until(lambda: service._pool.admission.taken == 0)
        assert service.cached(ACME, WHOLE) is None
        assert (await service.ask(ACME, WHOLE)).answer.total == 2


async def test_a_query_that_waits_past_its_deadline_never_starts_and_gives_its_place_back() -> None:
    engine = WaitingEngine(ROWS)
    lake = Lake(engine)
    async with lake.service(concurrency=1, queue=1, deadline_seconds=0.2).running() as service:
        blocking = asyncio.ensure_future(service._pool.run(lambda _: engine.go.wait(20)))  # no query: no deadline
        timing = Timing()
        with pytest.raises(DeadlineExceeded):
            await service.ask(ACME, WHOLE, timing=timing)

        assert service._pool.admission.taken == 1
        engine.go.set()
        await blocking
        assert engine.answers == 0
        assert timing.durations()[1:] == (0.0, 0.0)


async def test_a_late_joiner_does_not_put_the_deadline_off() -> None:
    engine = WaitingEngine(ROWS)
    async with Lake(engine).service(deadline_seconds=0.2).running() as service:
        first = asyncio.create_task(service.ask(ACME, WHOLE))
        await begun(engine)
        second = asyncio.create_task(service.ask(ACME, WHOLE))

        answers = await asyncio.gather(first, second, return_exceptions=True)

        assert [type(answer) for answer in answers] == [DeadlineExceeded, DeadlineExceeded]
        assert engine.answers == 0


def test_a_joiner_gets_its_own_time_only() -> None:
    stages = Stages(begun=10.0, started=11.0, counted=13.0, encoded=13.5)
    for asked, durations in (
        (10.0, (1.0, 2.0, 0.5)),
        (9.0, (1.0, 2.0, 0.5)),
        (12.0, (0.0, 1.0, 0.5)),
        (20.0, (0, 0, 0)),
    ):
        assert Timing(asked=asked, shared=True, stages=stages).durations() == durations


def test_what_is_not_over_lasts_until_now() -> None:
    queue, engine, encode = Timing(asked=0.0, stages=Stages(begun=1.0, started=2.0)).durations()
    assert (queue, encode) == (1.0, 0.0)
    assert engine > 0
    assert Timing().durations() == (0.0, 0.0, 0.0)
