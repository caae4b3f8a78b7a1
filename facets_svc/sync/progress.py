"""How the job tells what it is doing, without knowing where it is told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

Advance = Callable[[int], None]
"""Tells that so many more units (rows, bytes, files: whatever the stage counts) are done."""


class Progress(Protocol):
    """Shows the stages of a job, one after the other."""

    def stage(self, name: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Show a stage of `total` units (None: not known beforehand) while the context is open."""
