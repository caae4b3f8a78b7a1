"""What a query may use, and what becomes of one that wants more."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from pathlib import Path

import msgspec
import pytest

from facets_svc.errors import DeadlineExceeded, LakeError, Overloaded, QueryError
from facets_svc.lake import Lake
from facets_svc.sandbox.extract import Extracts
from facets_svc.sandbox.messages import Task
from facets_svc.sandbox.processes import Ended
from facets_svc.sandbox.service import SqlSandbox
from tests.sandbox.conftest import LIMITS, Ask, Rows, asking

pytestmark = pytest.mark.anyio

FOREVER = "SELECT count(*) FROM range(1000000000000) AS a, range(1000000) AS b"
DEAF = "SELECT list_reduce(range(10000000), lambda a, b: (a * b) % 7)"
"""DuckDB does not look up from it when it is interrupted."""


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until_childless(sandbox: SqlSandbox) -> None:
    assert sandbox._processes.pid is not None
    while children(sandbox._processes.pid):  # the test's timeout ends it  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def limited(sandbox: SqlSandbox, *, processes: int = 2, queue: int = 8, **limits: float) -> SqlSandbox:
    """A sandbox of other limits that has the same fork server."""
    other = SqlSandbox(
        sandbox._extracts, limits=msgspec.structs.replace(LIMITS, **limits), processes=processes, queue=queue
    )
    other._processes = sandbox._processes
    return other


@pytest.fixture(scope="module", autouse=True)
async def started(sandbox: SqlSandbox, lake: Lake) -> None:
    """The fork server runs, and there is something to be read, before a short deadline is set."""
    await asking(sandbox, lake)("SELECT count(*) FROM models")


async def test_an_answer_that_is_cut_says_so(sandbox: SqlSandbox, lake: Lake) -> None:
    sandbox = limited(sandbox, rows=3)
    ask = asking(sandbox, lake)
    for count, truncated in ((2, False), (3, False), (4, True)):
        answer = await ask("SELECT * FROM range($count)", count=count)
        assert (answer.rows, answer.truncated) == (min(count, 3), truncated)
        assert json.loads(answer.content)["truncated"] is truncated


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "arrow", "parquet"])
async def test_no_answer_is_longer_than_its_limit(sandbox: SqlSandbox, lake: Lake, form: str) -> None:
    sandbox = limited(sandbox, rows=10**6, bytes=20_000)
    answer = await asking(sandbox, lake)("SELECT uuid() AS a FROM range(100000)", form=form)
    assert answer.truncated
    assert 100 < answer.rows < 1000
    assert 4_000 < len(answer.content) <= 20_000


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "arrow", "parquet"])
async def test_names_of_columns_that_are_longer_than_an_answer_are_told(
    sandbox: SqlSandbox, lake: Lake, form: str
) -> None:
    sandbox = limited(sandbox, bytes=20_000)
    query = f"FROM (SELECT 1 AS {'a' * 1000}) AS t SELECT {', '.join(['t.*'] * 30)}"
    if form == "jsonl":  # it names them in each row
        answer = await asking(sandbox, lake)(query, form=form)
        assert (answer.rows, answer.truncated, answer.content) == (0, True, b"")
    else:
        with pytest.raises(QueryError, match="The names of the columns are longer"):
            await asking(sandbox, lake)(query, form=form)


async def test_a_process_that_sends_more_than_it_may_is_ended(sandbox: SqlSandbox, lake: Lake) -> None:
    """Only a process under an attacker's control would do so: the service checks the limits too."""
    current = lake.current()
    assert current is not None
    snapshots = sandbox._extracts.history(current, "acme")
    query = "SELECT repeat('x', 4000000)"
    obeyed = Task(query=query, name=None, parameters={}, snapshots=snapshots, form="json", limits=LIMITS)
    allowed = msgspec.structs.replace(obeyed, limits=msgspec.structs.replace(LIMITS, bytes=8 * 2**20))
    async with asyncio.timeout(50):
        assert (await sandbox._processes.run(allowed, 60))[0].rows == 1
        with pytest.raises(Ended):
            await sandbox._processes.run(allowed, 60, most_bytes=1000)
    await until_childless(sandbox)


@pytest.mark.parametrize(
    "query", [FOREVER, DEAF, "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n FROM t) SELECT count(*) FROM t"]
)
async def test_a_query_that_does_not_end_is_ended(sandbox: SqlSandbox, lake: Lake, query: str) -> None:
    sandbox = limited(sandbox, seconds=0.5)
    with pytest.raises(DeadlineExceeded, match=r"The query exceeded its deadline and was stopped\."):
        await asking(sandbox, lake)(query)
    await until_childless(sandbox)


async def test_the_query_of_one_who_leaves_is_ended(sandbox: SqlSandbox, lake: Lake) -> None:
    sandbox = limited(sandbox)
    asked = asyncio.ensure_future(asking(sandbox, lake)(DEAF))
    assert sandbox._processes.pid is not None
    while not children(sandbox._processes.pid):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    asked.cancel()
    await until_childless(sandbox)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT repeat('x', 2000000000)",
        "SELECT len(range(600000000))",
        "SELECT list(a.range) FROM range(100000000) AS a",
        "SELECT string_agg(uuid()) FROM range(100000000)",
    ],
)
async def test_a_query_that_needs_too_much_memory_is_told_so(sandbox: SqlSandbox, lake: Lake, query: str) -> None:
    sandbox = limited(sandbox, memory_bytes=200 * 2**20)
    with pytest.raises(QueryError, match="memory"):
        await asking(sandbox, lake)(query)
    await until_childless(sandbox)


async def test_who_finds_no_room_is_told_to_come_again(sandbox: SqlSandbox, lake: Lake) -> None:
    sandbox = limited(sandbox, processes=1, queue=1)
    ask = asking(sandbox, lake)
    running, waiting = asyncio.ensure_future(ask(FOREVER)), asyncio.ensure_future(ask("SELECT 1"))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await ask("SELECT 1")
    running.cancel()
    assert (await waiting).rows == 1
    assert (await ask("SELECT 1")).rows == 1


async def test_no_subject_takes_more_than_half_of_the_room(sandbox: SqlSandbox, lake: Lake) -> None:
    ask = asking(limited(sandbox, processes=1, queue=3), lake)
    running = [asyncio.ensure_future(ask(FOREVER, subject="a")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="queries of this subject"):
        await ask("SELECT 1", subject="a")
    waiting = asyncio.ensure_future(ask("SELECT 1", subject="b"))
    await asyncio.sleep(0)
    for one in running:
        one.cancel()
    assert (await waiting).rows == 1
    assert (await ask("SELECT 1", subject="a")).rows == 1


async def test_who_leaves_the_queue_leaves_room(sandbox: SqlSandbox, lake: Lake) -> None:
    sandbox = limited(sandbox, processes=1, queue=1)
    ask = asking(sandbox, lake)
    running, leaving = asyncio.ensure_future(ask(FOREVER)), asyncio.ensure_future(ask("SELECT 1"))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    waiting = asyncio.ensure_future(ask("SELECT 2"))
    await asyncio.sleep(0)
    running.cancel()
    assert (await waiting).rows == 1


async def test_a_fork_server_that_is_lost_is_replaced(extracts: Extracts, lake: Lake) -> None:
    async with SqlSandbox(extracts, limits=LIMITS, processes=2, queue=8).running() as sandbox:
        ask = asking(sandbox, lake)
        await ask("SELECT 1")
        first = sandbox._processes.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert (await ask("SELECT 1")).rows == 1
        second = sandbox._processes.pid
        assert second != first
        asked = asyncio.ensure_future(ask(DEAF))
        assert second is not None
        while not children(second):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        [query] = children(second)
        os.kill(second, signal.SIGKILL)
        asked.cancel()
        while is_alive(query):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert (await ask("SELECT 1")).rows == 1


async def test_the_fork_server_ends_with_the_sandbox_and_with_it_every_query(extracts: Extracts, lake: Lake) -> None:
    async with SqlSandbox(extracts, limits=LIMITS, processes=2, queue=8).running() as sandbox:
        asked = asyncio.ensure_future(asking(sandbox, lake)(DEAF))
        while sandbox._processes.pid is None or not children(sandbox._processes.pid):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        server, [query] = sandbox._processes.pid, children(sandbox._processes.pid)
    assert not is_alive(server)
    asked.cancel()
    while is_alive(query):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT x FROM models", 'Binder error in line 1, column 8: Referenced column "x" not found in FROM clause'),
        ("SELECT CAST(license AS INTEGER)\nFROM models WHERE id = 'm1'", "Could not convert string 'mit' to INT32"),
        ("SELECT * FROM models_at('2001-01-01')", "There is no snapshot as of 2001-01-01"),
        ("SELECT strptime('a', '%Y')", "Could not parse string"),
        ("SELECT $a", "The query needs a value for the parameter $a."),
    ],
)
async def test_what_is_wrong_with_a_query_is_told(ask: Ask, query: str, said: str) -> None:
    with pytest.raises(QueryError) as wrong:
        await ask(query)
    assert said in str(wrong.value)


async def test_files_that_are_gone_are_no_fault_of_the_query(sandbox: SqlSandbox, lake: Lake) -> None:
    [file] = lake.snapshot().path.rglob("models/visibility=public/**/*.parquet")
    moved = file.rename(file.with_suffix(".moved"))
    try:
        with pytest.raises(LakeError):
            await asking(sandbox, lake)("SELECT * FROM models")
    finally:
        moved.rename(file)
    assert (await asking(sandbox, lake)("SELECT * FROM models")).rows == 6


async def test_an_extract_that_is_gone_is_made_again(sandbox: SqlSandbox, lake: Lake, extracts: Extracts) -> None:
    ask = asking(sandbox, lake)
    for query in ("SELECT * FROM models", "SELECT * FROM models_at('first')"):
        before = await ask(query)
        shutil.rmtree(extracts.folder)
        assert await ask(query) == before


VALUES = {
    "BOOLEAN": "true",
    "TINYINT": "1",
    "HUGEINT": "170141183460469231731687303715884105727",
    "DOUBLE": "'NaN'",
    "DECIMAL(38, 2)": "1.5",
    "VARCHAR": "'é😀'",
    "BLOB": "'a'",
    "DATE": "'2026-11-24'",
    "TIME": "'02:00'",
    "TIMESTAMP": "'2026-11-24 02:00'",
    "TIMESTAMP WITH TIME ZONE": "'2026-11-24 02:00+01'",
    "INTERVAL": "'1 day'",
    "UUID": "'00000000-0000-0000-0000-000000000001'",
    "JSON": "'{}'",
    "INTEGER[]": "[1, NULL]",
    "INTEGER[2]": "[1, 2]",
    "STRUCT(a INTEGER)": "{'a': 1}",
    "MAP(VARCHAR, INTEGER)": "MAP {'a': 1}",
    "ENUM('a')": "'a'",
}


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "arrow", "parquet"])
async def test_a_value_of_any_type_is_answered_or_told_to_be_cast(ask: Ask, form: str) -> None:
    """Nothing that is written needs a file that the process can no longer read."""
    told = []
    for type_, literal in VALUES.items():
        try:
            assert (await ask(f"SELECT CAST({literal} AS {type_}) AS a", form=form)).rows == 1
        except QueryError as error:
            assert "CAST it to VARCHAR" in str(error)  # noqa: PT017
            told.append(type_)
    assert told == (["INTERVAL"] if form == "parquet" else [])


async def test_parameters_are_values(rows: Rows) -> None:
    assert await rows(
        "SELECT $text, $number, $list, $nothing, $truth", text="'; --", number=7, list=["a"], nothing=None, truth=True
    ) == [["'; --", 7, ["a"], None, True]]
    with pytest.raises(QueryError, match=r"The query has no parameter \$other\."):
        await rows("SELECT 1", other=1)
