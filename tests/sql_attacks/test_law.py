"""The law: what runs returns no row, value or count that it would not return over the caller's own rows.

Questions of a grammar, and what mutations make of them, are asked twice: where others hide models, and of the twin,
which holds what the caller may see and nothing else. The answers must be the same, byte for byte, errors too.
"""

from __future__ import annotations

import asyncio
import secrets
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable

import duckdb
import pytest

from tests.sql_attacks.conftest import Stranger
from tests.sql_attacks.judging import passes
from tests.sql_attacks.queries import mutation, question

pytestmark = pytest.mark.anyio

_AT_ONCE = 4


async def _hold(stranger: Stranger, twin: Stranger, asked: Iterable[str]) -> Counter[str]:
    """Assert the law over each of these questions; tell how many got which status, and rows."""
    told: Counter[str] = Counter()
    waiting = iter(asked)

    async def hold() -> None:
        for query in waiting:
            here, there = await asyncio.gather(stranger.sql(query), twin.sql(query))
            told[str(here.status)] += 1
            assert (here.status, here.body) == (there.status, there.body), query
            assert here.status in {200, 422}, (query, here.body)
            if here.status == 200:
                told["rows"] += int(here.headers["x-sql-rows"])
                told["empty"] += here.headers["x-sql-rows"] == "0"

    await asyncio.gather(*(hold() for _ in range(_AT_ONCE)))
    return told


def _figures(told: Counter[str], tried: int) -> str:
    asked = told["200"] + told["422"]
    return (
        f"{tried} tried, {tried - asked} refused by the judge alone, {asked} asked twice: {told['200']} answered "
        f"({told['empty']} without rows, {told['rows']} rows in all), {told['422']} failed or refused, 0 differences"
    )


async def test_a_question_is_answered_as_if_nobody_hid_anything(stranger: Stranger, twin: Stranger) -> None:
    told = await _hold(stranger, twin, map(question, range(40)))
    assert told["200"] > 20
    assert told["rows"] > 100


async def test_a_question_that_was_tampered_with_is_refused_or_answered_so_too(
    connection: duckdb.DuckDBPyConnection, stranger: Stranger, twin: Stranger
) -> None:
    asked = [query for query in map(mutation, range(150)) if passes(connection, query)]
    told = await _hold(stranger, twin, asked)
    assert told["200"] > 5


@pytest.mark.soak
async def test_questions_are_answered_as_if_nobody_hid_anything(
    stranger: Stranger, twin: Stranger, say: Callable[[str], None]
) -> None:
    seed, tried = secrets.randbits(32), 4000
    say(f"Questions from seed {seed}")
    told = await _hold(stranger, twin, (question(seed + number) for number in range(tried)))
    say(f"Questions: {_figures(told, tried)}")


@pytest.mark.soak
async def test_questions_that_were_tampered_with_are_refused_or_answered_so_too(
    connection: duckdb.DuckDBPyConnection, stranger: Stranger, twin: Stranger, say: Callable[[str], None]
) -> None:
    seed, tried = secrets.randbits(32), 20_000
    say(f"Mutations from seed {seed}")
    every = (mutation(seed + number) for number in range(tried))
    told = await _hold(stranger, twin, (query for query in every if passes(connection, query)))
    say(f"Mutations: {_figures(told, tried)}")


@pytest.mark.soak
async def test_how_long_an_answer_takes_does_not_tell_what_others_hide(
    stranger: Stranger, twin: Stranger, say: Callable[[str], None]
) -> None:
    """Once the rows are extracted. How long the first extract of an org takes depends on how many private rows are."""
    for query in ("SELECT count(*) FROM models", "SELECT * FROM models_at('first') WHERE id = 'm200'"):
        times: tuple[list[float], list[float]] = ([], [])
        for turn in range(150):
            for side in (turn % 2, 1 - turn % 2):
                started = time.perf_counter()
                assert (await (stranger, twin)[side].sql(query)).status == 200
                times[side].append(time.perf_counter() - started)
        # The lower half of each: what a busy machine adds stands in the upper one.
        with_others, without = (statistics.median(sorted(side)[:75]) for side in times)
        say(f"timing, {query}: {with_others * 1000:.1f} ms with others' rows, ratio {with_others / without:.3f}")
        assert 0.85 < with_others / without < 1.18
