from __future__ import annotations

import asyncio
import errno
import io
import logging

import pytest

from facets_svc.web.logs import DELAY_SECONDS, BatchingHandler

pytestmark = pytest.mark.anyio


def record(level: int, text: str) -> logging.LogRecord:
    return logging.LogRecord("facets_svc.x", level, "x.py", 1, text, None, None)


class CountingStream(io.StringIO):
    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


def handler() -> tuple[BatchingHandler, CountingStream]:
    stream = CountingStream()
    return BatchingHandler(stream), stream


async def test_lines_of_an_event_loop_are_written_together_and_soon() -> None:
    batching, stream = handler()
    for round_ in range(2):
        for text in ("a", "b", "c"):
            batching.handle(record(logging.INFO, text))
        assert stream.getvalue() == "a\nb\nc\n" * round_
        while stream.writes == round_:  # the test's timeout ends it  # noqa: ASYNC110
            await asyncio.sleep(DELAY_SECONDS / 5)
        assert stream.getvalue() == "a\nb\nc\n" * (round_ + 1)


async def test_a_warning_is_written_at_once_after_what_came_before_it() -> None:
    batching, stream = handler()
    batching.handle(record(logging.INFO, "before"))
    batching.handle(record(logging.WARNING, "now"))
    assert (stream.getvalue(), stream.writes) == ("before\nnow\n", 1)


async def test_what_waits_is_written_by_a_flush_and_what_comes_then_waits_again() -> None:
    batching, stream = handler()
    batching.handle(record(logging.INFO, "a"))
    batching.flush()
    assert stream.getvalue() == "a\n"
    batching.handle(record(logging.INFO, "b"))
    assert stream.getvalue() == "a\n"


def test_without_an_event_loop_a_line_is_written_at_once() -> None:
    batching, stream = handler()
    batching.handle(record(logging.INFO, "a"))
    assert stream.getvalue() == "a\n"


def test_a_line_that_cannot_be_made_harms_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    batching, stream = handler()
    batching.handle(logging.LogRecord("x", logging.INFO, "x.py", 1, "%d", ("no number",), None))
    batching.handle(record(logging.INFO, "a"))
    assert stream.getvalue() == "a\n"
    assert "Logging error" in capsys.readouterr().err


def test_a_line_that_cannot_be_written_fails_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            del text
            raise OSError(errno.ENOSPC, "no space")

    batching = BatchingHandler(Full())
    for level in (logging.INFO, logging.ERROR):
        batching.handle(record(level, "a"))
    assert "no space" in capsys.readouterr().err
