"""Every statement that a stranger tries is refused, or answers what it would if nobody else had anything."""

from __future__ import annotations

import asyncio

import duckdb
import pytest

from tests.sql_attacks.conftest import Stranger
from tests.sql_attacks.judging import passes
from tests.sql_attacks.statements import REFUSED, RUN

pytestmark = pytest.mark.anyio

_AT_ONCE = 4
_SAMPLE = 12
"""One in so many of what the judge refuses is asked over HTTP too; in the soak all is."""

_RUN = 2
_COMPARED = 4
"""One in so many of what runs is asked, and asked of the twin too; in the soak all is."""


async def answers(stranger: Stranger, statements: list[str]) -> list[tuple[str, int, bytes]]:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def answered(statement: str) -> tuple[str, int, bytes]:
        async with turns:
            answer = await stranger.sql(statement)
            return statement, answer.status, answer.body

    return await asyncio.gather(*map(answered, statements))


@pytest.mark.parametrize("family", REFUSED)
async def test_what_is_more_than_a_question_is_refused(
    connection: duckdb.DuckDBPyConnection, stranger: Stranger, family: str
) -> None:
    passed = [statement for statement in REFUSED[family] if passes(connection, statement)]
    await _assert_refused(stranger, list(dict.fromkeys([*passed, *REFUSED[family][::_SAMPLE]])))


@pytest.mark.soak
@pytest.mark.parametrize("family", REFUSED)
async def test_what_is_more_than_a_question_is_refused_over_http(stranger: Stranger, family: str) -> None:
    await _assert_refused(stranger, REFUSED[family])


async def _assert_refused(stranger: Stranger, statements: list[str]) -> None:
    answered = await answers(stranger, statements)
    assert [(statement, body) for statement, status, body in answered if status != 422] == []
    assert (await stranger.facets()).status == 200


@pytest.mark.parametrize("family", RUN)
async def test_what_runs_answers_what_it_would_if_nobody_hid_anything(
    stranger: Stranger, twin: Stranger, family: str
) -> None:
    await _assert_alike(stranger, twin, RUN[family][::_COMPARED], RUN[family][::_RUN])


@pytest.mark.soak
@pytest.mark.parametrize("family", RUN)
async def test_all_that_runs_answers_what_it_would_if_nobody_hid_anything(
    stranger: Stranger, twin: Stranger, family: str
) -> None:
    await _assert_alike(stranger, twin, RUN[family], RUN[family])


async def _assert_alike(stranger: Stranger, twin: Stranger, compared: list[str], asked: list[str]) -> None:
    """What is `asked` holds no secret, which the stranger sees to; what is `compared` is the twin's answer too."""
    here, there = await asyncio.gather(answers(stranger, asked), answers(twin, compared))
    alike = dict.fromkeys(compared)
    assert [
        pair for pair in zip([one for one in here if one[0] in alike], there, strict=True) if pair[0] != pair[1]
    ] == []
    assert {status for _, status, _ in here} <= {200, 422}
    assert (await stranger.facets()).status == 200
