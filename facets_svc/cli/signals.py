"""Ending on a signal as on an error: with a sentence, an exit code, and nothing left behind."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class Stopped(BaseException):
    """A signal ended the command; shells report it as 128 and the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Stopped by {signal.Signals(number).name}. Unpublished files were removed.")
        self.exit_code = 128 + number


@contextmanager
def stopping() -> Iterator[None]:
    """Raise `Stopped` where a SIGTERM, SIGHUP or SIGINT finds the block, so that it cleans up after itself.

    Whatever a library makes of that, DuckDB for one a `RuntimeError`, is `Stopped` in the end.
    """
    received: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        received.append(number)
        raise Stopped(number)

    numbers = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]
    if threading.current_thread() is not threading.main_thread():
        numbers.clear()  # only the main thread is told of signals
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    except Stopped:
        raise
    except BaseException as error:
        if received:
            raise Stopped(received[0]) from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
