"""The current engine, which is replaced while requests use it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from facets_svc.engine.base import Engine, Interrupted
from facets_svc.errors import Unavailable
from facets_svc.service.answers import ServedSnapshot
from facets_svc.service.response_cache import ResponseCache
from facets_svc.service.single_flight import SingleFlight

_logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class LoadedEngine:
    """An open engine, counted by its users, with its response cache and its running computations."""

    engine: Engine
    snapshot: ServedSnapshot
    cache: ResponseCache
    single_flight: SingleFlight = field(default_factory=SingleFlight)
    _users: int = 0
    _replaced: bool = False
    _closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def in_use(self) -> Iterator[Engine]:
        """Hold the engine open for one query, even if it was replaced. Raises `Interrupted` if it has closed.

        The caller of a query uses the engine too, so that an engine with a waiting caller is never closed.
        """
        if not self.acquire():
            raise Interrupted("The engine was closed before the query started.")
        try:
            yield self.engine
        finally:
            self.release()

    def acquire(self) -> bool:
        """Hold the engine open until `release`, and return true; return false if it has closed."""
        with self._lock:
            if not self._closed:
                self._users += 1
            return not self._closed

    def release(self) -> None:
        """End one use of the engine. May block while a replaced engine closes."""
        with self._lock:
            self._users -= 1
            last = self._closed = self._replaced and self._users == 0
        if last:
            _close(self.engine)

    def retire(self) -> None:
        """Empty the response cache, and close the engine when its last user is done. May block while it closes."""
        self.cache.close()
        with self._lock:
            self._replaced = True
            unused = self._closed = self._users == 0
        if unused:
            _close(self.engine)


class CurrentEngine:
    """Holds the current engine. A replaced engine closes when its last user is done.

    Each engine has its own response cache of `cache_bytes`, which is emptied when the engine is replaced.
    """

    def __init__(self, *, cache_bytes: int = 0) -> None:
        self._cache_bytes = cache_bytes
        self._loaded: LoadedEngine | None = None

    @property
    def loaded(self) -> LoadedEngine | None:
        """The current engine, or None before there is one."""
        return self._loaded

    @property
    def snapshot(self) -> ServedSnapshot | None:
        """The current snapshot, or None before there is one."""
        loaded = self._loaded
        return None if loaded is None else loaded.snapshot

    @contextmanager
    def in_use(self) -> Iterator[LoadedEngine]:
        """Hold the current engine open for one query, which reads this snapshot to its end.

        Raises `Unavailable` if there is no engine.
        """
        loaded = self._acquire()
        try:
            yield loaded
        finally:
            loaded.release()

    def _acquire(self) -> LoadedEngine:
        while loaded := self._loaded:
            if loaded.acquire():
                return loaded
            # It was replaced and closed since the line before: now another one is current.
        raise Unavailable("There is no snapshot yet.")

    def replace(self, engine: Engine | None) -> None:
        """Make `engine` the current one; None when the service stops. May block while an old engine closes."""
        old, self._loaded = self._loaded, None if engine is None else self._with_cache(engine)
        if old is not None:
            old.retire()

    def _with_cache(self, engine: Engine) -> LoadedEngine:
        snapshot = ServedSnapshot(engine.snapshot_id, engine.created_at)
        return LoadedEngine(engine, snapshot, ResponseCache(self._cache_bytes))


def _close(engine: Engine) -> None:
    try:
        engine.close()
    except Exception:  # a failure to close an old engine must not fail the new one or a request
        _logger.exception("The engine of snapshot %s did not close", engine.snapshot_id)
