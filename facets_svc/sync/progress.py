"""The interface through which the job reports its progress."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

Advance = Callable[[int], None]
"""Reports that so many more units of a stage are done: rows, bytes or files."""


class Progress(Protocol):
    """Shows the stages of a job, one after another."""

    def stage(self, name: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Show a stage of `total` units (None: unknown) while the context is open."""
