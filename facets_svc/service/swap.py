"""The engine in force, which is replaced while requests run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from facets_svc.engine.base import Engine
from facets_svc.errors import Unavailable

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SnapshotInForce:
    """Which snapshot answers come from, and when it was made (UTC)."""

    id: str
    created_at: datetime


@dataclass(slots=True)
class _Tenure:
    """One engine's time in force: who uses it still, and whether another one has followed."""

    engine: Engine
    users: int = 0
    replaced: bool = False


class EngineInForce:
    """Lends the engine in force. One that was replaced closes when the last of its users is done with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tenure: _Tenure | None = None

    @property
    def snapshot(self) -> SnapshotInForce | None:
        """The snapshot in force, or None while there is none."""
        tenure = self._tenure
        return None if tenure is None else SnapshotInForce(tenure.engine.snapshot_id, tenure.engine.created_at)

    @contextmanager
    def lent(self) -> Iterator[Engine]:
        """Lend the engine for one query, which sees this one snapshot to its end. Raises `Unavailable` without one."""
        with self._lock:
            tenure = self._tenure
            if tenure is None:
                raise Unavailable("There is no snapshot to answer from.")
            tenure.users += 1
        try:
            yield tenure.engine
        finally:
            with self._lock:
                tenure.users -= 1
                last = tenure.replaced and tenure.users == 0
            if last:
                _close(tenure.engine)

    def replace(self, engine: Engine | None) -> None:
        """Put `engine` in force; None at the end of all. May block while an old engine closes."""
        with self._lock:
            old, self._tenure = self._tenure, None if engine is None else _Tenure(engine)
            if old is not None:
                old.replaced = True
            unused = old is not None and old.users == 0
        if old is not None and unused:
            _close(old.engine)


def _close(engine: Engine) -> None:
    try:
        engine.close()
    except Exception:  # an old engine must not take the new one, or a request, down with it
        _logger.exception("The engine of snapshot %s did not close", engine.snapshot_id)
