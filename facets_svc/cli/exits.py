"""How a command ends, on an error or a signal: one sentence on stderr and an exit code; --debug adds a traceback."""

from __future__ import annotations

import errno
import os
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, NoReturn

import click

from facets_svc.errors import FacetsError

UNEXPECTED: Final = 70
"""EX_SOFTWARE of sysexits.h."""

INTERRUPTED: Final = 130
"""128 and the number of SIGINT, as shells report it."""


class Stopped(BaseException):
    """A signal stopped the command. The exit code is 128 and the signal's number, as shells report it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Stopped by {signal.Signals(number).name}. Unpublished files were removed.")
        self.exit_code = 128 + number


@contextmanager
def stopping() -> Iterator[None]:
    """Raise `Stopped` in the block on SIGTERM, SIGHUP or SIGINT, so that the block cleans up.

    A library may turn that into another exception, such as DuckDB's `RuntimeError`: the block raises `Stopped` still.
    """
    received: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        received.append(number)
        raise Stopped(number)

    numbers = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]
    if threading.current_thread() is not threading.main_thread():
        numbers.clear()  # only the main thread may set handlers
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


def exit_code_of(error: BaseException) -> int:
    """Return the exit code of a command that `error` ends."""
    if isinstance(error, (FacetsError, Stopped, click.ClickException)):
        return error.exit_code
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else UNEXPECTED


class ExitingGroup(click.Group):
    """A group whose commands end with the exit code of the error that they raise."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; print the message of its error, and exit with the error's code."""
        try:
            return super().invoke(ctx)
        except FacetsError as error:
            _print_error(str(error))
            ctx.exit(error.exit_code)
        except Stopped as stopped:
            _print_error(str(stopped))
            ctx.exit(stopped.exit_code)
        except KeyboardInterrupt:
            _print_error("Interrupted.")
            ctx.exit(INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # the reader of the output has closed it: click exits without a message
            if _wants_traceback(ctx):
                traceback.print_exc()
            _print_error(f"Unexpected error ({_described(error)}). Run facets-svc --debug … for the traceback.")
            ctx.exit(UNEXPECTED)


def _print_error(sentence: str) -> None:
    click.echo(sentence, err=True)


def _described(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _wants_traceback(ctx: click.Context) -> bool:
    # Reads the variable itself: the error may be that the settings are invalid.
    return bool(ctx.params.get("debug")) or os.environ.get("FACETS_LOG_LEVEL", "").strip().lower() == "debug"
