"""How a command ends: one sentence on stderr and an exit code, and a traceback only with --debug."""

from __future__ import annotations

import errno
import os
import traceback
from typing import Any, Final

import click

from facets_svc.cli.signals import Stopped
from facets_svc.errors import FacetsError

UNEXPECTED: Final = 70
"""EX_SOFTWARE of sysexits.h."""

INTERRUPTED: Final = 130
"""128 and the number of SIGINT, as shells report it."""


def exit_code_of(error: BaseException) -> int:
    """Return the code that the command ends with when `error` ends it."""
    if isinstance(error, (FacetsError, Stopped, click.ClickException)):
        return error.exit_code
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else UNEXPECTED


class ExitingGroup(click.Group):
    """A group whose commands end with the exit code of the error they raise."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command and turn what it raises into a sentence and a code."""
        try:
            return super().invoke(ctx)
        except FacetsError as error:
            _tell(str(error))
            ctx.exit(error.exit_code)
        except Stopped as stopped:
            _tell(str(stopped))
            ctx.exit(stopped.exit_code)
        except KeyboardInterrupt:
            _tell("Interrupted.")
            ctx.exit(INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # the reader of the output has closed it; click ends silently
            if _wants_traceback(ctx):
                traceback.print_exc()
            _tell(f"Unexpected error ({_described(error)}). Run facets-svc --debug … for the traceback.")
            ctx.exit(UNEXPECTED)


def _tell(sentence: str) -> None:
    click.echo(sentence, err=True)


def _described(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _wants_traceback(ctx: click.Context) -> bool:
    # The settings cannot be asked: that they do not parse may be what is being told.
    return bool(ctx.params.get("debug")) or os.environ.get("FACETS_LOG_LEVEL", "").strip().lower() == "debug"
