"""Who wants too much is stopped, in time and in memory, and nothing of it stays: no process, no descriptor, no file."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.sql_attacks.conftest import JSON, Stranger, served
from tests.sql_attacks.hogs import LONG, SHORT
from tests.sql_attacks.worlds import ORG, Worlds
from tests.web.client import bearer

pytestmark = pytest.mark.anyio

_FOREVER = SHORT[0]
_AT_ONCE = 2


def _children(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def _descriptors(pid: int | str) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - names are all that is wanted


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # the test's timeout ends it  # noqa: ASYNC110
        await asyncio.sleep(0.01)


@asynccontextmanager
async def _served(worlds: Worlds, **changed: int) -> AsyncIterator[tuple[Stranger, int]]:
    """A stranger, and the id of the fork server before which they stand."""
    before = _children(os.getpid())
    async with served(worlds.world, **changed) as stranger:
        [fork_server] = _children(os.getpid()) - before
        yield stranger, fork_server


async def _hogged(worlds: Worlds, hogs: list[str], deadline_ms: int) -> dict[str, int]:
    statuses = {}
    async with _served(worlds, sql_deadline_ms=deadline_ms, sql_processes=_AT_ONCE, sql_queue=100) as (
        stranger,
        server,
    ):
        turns = asyncio.Semaphore(_AT_ONCE)
        resident = _resident_bytes()

        async def hog(statement: str) -> None:
            async with turns:
                answer = await stranger.sql(statement)
                statuses[statement] = answer.status
                assert b"the engine failed" not in answer.body, statement
                assert (await stranger.facets()).status == 200

        await asyncio.gather(*map(hog, hogs))
        await _until(lambda: not _children(server))
        assert _resident_bytes() - resident < 256 * 2**20
        while (await stranger.sql("SELECT count(*) FROM models")).status != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return statuses


async def test_a_hog_is_stopped_and_others_are_answered(worlds: Worlds) -> None:
    statuses = await _hogged(worlds, SHORT, 1000)
    assert set(statuses.values()) <= {200, 422, 504}
    assert statuses[_FOREVER] == 504


@pytest.mark.soak
async def test_every_hog_is_stopped_and_others_are_answered(worlds: Worlds, say: Callable[[str], None]) -> None:
    statuses = await _hogged(worlds, [*SHORT, *LONG], 5000)
    assert set(statuses.values()) <= {200, 422, 504}
    answered = list(statuses.values())
    say(f"Of {len(answered)} hogs {', '.join(f'{answered.count(status)} got {status}' for status in (200, 422, 504))}")


async def test_a_client_that_leaves_ends_its_query(worlds: Worlds) -> None:
    async with _served(worlds) as (stranger, server):
        for _ in range(3):
            asked = [asyncio.ensure_future(stranger.sql(statement)) for statement in (_FOREVER, SHORT[1])]
            await _until(lambda: len(_children(server)) == 2)
            for one in asked:
                one.cancel()
            await _until(lambda: not _children(server))
        assert await stranger.rows("SELECT 1") == [[1]]


async def test_a_client_that_hangs_up_ends_its_query_at_any_stage(worlds: Worlds) -> None:
    body = json.dumps({"query": _FOREVER}).encode()
    async with _served(worlds) as (stranger, server):
        for pieces in ([], [body[:10]], [body[:10], body[10:]], [bytes([one]) for one in body]):
            gone = asyncio.Event()
            called = asyncio.ensure_future(_called(stranger, pieces, gone, whole=b"".join(pieces) == body))
            if b"".join(pieces) == body:
                await _until(lambda: len(_children(server)) == 1)
            else:
                await asyncio.sleep(0)
            gone.set()
            assert await called == []
            await _until(lambda: not _children(server))
        assert await stranger.rows("SELECT 1") == [[1]]


async def _called(stranger: Stranger, pieces: list[bytes], gone: asyncio.Event, *, whole: bool) -> list[Any]:
    """Send a body in pieces, and hang up when it is said; return what was sent back."""
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if whole:
        messages[-1]["more_body"] = False
    left, sent = iter(messages), []
    path = f"/api/v1/org/{ORG}/sql"
    headers = [(name.lower().encode(), value.encode()) for name, value in (JSON, bearer(ORG))]

    async def receive() -> Any:
        for message in left:
            return message
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    await stranger.app(scope, receive, send)
    return sent


async def test_a_crowd_is_told_to_come_again_and_facets_are_answered(worlds: Worlds) -> None:
    async with _served(worlds, sql_processes=1, sql_queue=2) as (stranger, server):
        # of three places one subject has one: half of them
        asked = [asyncio.ensure_future(stranger.sql(_FOREVER)) for _ in range(20)]
        await _until(lambda: sum(one.done() for one in asked) == 19 and len(_children(server)) == 1)
        for answer in (one.result() for one in asked if one.done()):
            assert answer.error == (429, "usage_limit_exceeded_error")
            assert int(answer.headers["retry-after"]) >= 1
        assert (await stranger.facets()).status == 200
        for one in asked:
            one.cancel()
        await _until(lambda: not _children(server))
        assert await stranger.rows("SELECT 1") == [[1]]


async def test_a_process_that_is_killed_by_the_system_is_no_ones_fault(worlds: Worlds) -> None:
    async with _served(worlds) as (stranger, server):
        for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT):
            asked = asyncio.ensure_future(stranger.sql(_FOREVER))
            await _until(lambda: len(_children(server)) == 1)
            os.kill(_children(server).pop(), number)
            answer = await asked
            assert answer.error == (422, "validation_error")
            assert "its process ended" in answer.json["detail"]
            assert await stranger.rows("SELECT 1") == [[1]]
            assert (await stranger.facets()).status == 200


async def _repeated(worlds: Worlds, times: int) -> None:
    async with _served(worlds, sql_memory=128 * 2**20) as (stranger, server):
        statements = ["SELECT * FROM models", "SELECT 1 +", "SELECT stats(1)", "SELECT repeat('x', 2000000000)"]
        for _ in range(2):
            await asyncio.gather(*map(stranger.sql, statements))
        # A process is reaped a moment before the last descriptor of it is closed.
        await _until(lambda: not _children(server))
        await asyncio.sleep(0.2)
        before = _descriptors("self"), _descriptors(server), _children(os.getpid())
        for _ in range(times):
            await asyncio.gather(*map(stranger.sql, statements))
        await _until(lambda: (_descriptors("self"), _descriptors(server), _children(os.getpid())) == before)
        assert not _children(server)


async def test_no_descriptor_and_no_process_stays(worlds: Worlds) -> None:
    await _repeated(worlds, 6)


@pytest.mark.soak
async def test_no_descriptor_and_no_process_stays_of_many_queries(worlds: Worlds) -> None:
    await _repeated(worlds, 100)
