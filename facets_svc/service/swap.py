"""The current engine, which is replaced while requests run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from facets_svc.engine.base import Engine, Interrupted
from facets_svc.errors import Unavailable
from facets_svc.service.answered import ServedSnapshot
from facets_svc.service.response_cache import ResponseCache
from facets_svc.service.single_flight import SingleFlight

_logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class LoadedEngine:
    """An engine that is open, with the answers that it gave and those that are being computed."""

    engine: Engine
    snapshot: ServedSnapshot
    cache: ResponseCache
    flight: SingleFlight = field(default_factory=SingleFlight)
    _users: int = 0
    _replaced: bool = False
    _closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def lent(self) -> Iterator[Engine]:
        """Lend the engine for one query, also when it has been replaced. Raises `Interrupted` when it has closed.

        Whoever waits for a query holds the engine too: one that has closed has nobody who waits.
        """
        if not self.take():
            raise Interrupted("The engine was closed before the query started.")
        try:
            yield self.engine
        finally:
            self.give_back()

    def take(self) -> bool:
        """Hold the engine open until `give_back`; tell whether it still is."""
        with self._lock:
            if not self._closed:
                self._users += 1
            return not self._closed

    def give_back(self) -> None:
        """Hold the engine no longer. May block while it closes."""
        with self._lock:
            self._users -= 1
            last = self._closed = self._replaced and self._users == 0
        if last:
            _close(self.engine)

    def end(self) -> None:
        """Let the answers go, and the engine as soon as nobody uses it. May block while it closes."""
        self.cache.close()
        with self._lock:
            self._replaced = True
            unused = self._closed = self._users == 0
        if unused:
            _close(self.engine)


class CurrentEngine:
    """Holds the current engine. One that was replaced closes when the last of its users is done with it.

    Each engine has a cache of its own, of `cache_bytes`, which is emptied when the engine is replaced.
    """

    def __init__(self, *, cache_bytes: int = 0) -> None:
        self._cache_bytes = cache_bytes
        self._loaded: LoadedEngine | None = None

    @property
    def loaded(self) -> LoadedEngine | None:
        """The current engine with what belongs to it, or None while there is none."""
        return self._loaded

    @property
    def snapshot(self) -> ServedSnapshot | None:
        """The current snapshot, or None while there is none."""
        loaded = self._loaded
        return None if loaded is None else loaded.snapshot

    @contextmanager
    def lent(self) -> Iterator[LoadedEngine]:
        """Lend the current engine for one query, which sees this one snapshot to its end.

        Raises `Unavailable` without one.
        """
        loaded = self._take()
        try:
            yield loaded
        finally:
            loaded.give_back()

    def _take(self) -> LoadedEngine:
        while loaded := self._loaded:
            if loaded.take():
                return loaded
            # It was replaced and has closed since the line before: another one is current.
        raise Unavailable("There is no snapshot yet.")

    def replace(self, engine: Engine | None) -> None:
        """Make `engine` the current one; None at the end of all. May block while an old engine closes."""
        old, self._loaded = self._loaded, None if engine is None else self._with_cache(engine)
        if old is not None:
            old.end()

    def _with_cache(self, engine: Engine) -> LoadedEngine:
        snapshot = ServedSnapshot(engine.snapshot_id, engine.created_at)
        return LoadedEngine(engine, snapshot, ResponseCache(self._cache_bytes))


def _close(engine: Engine) -> None:
    try:
        engine.close()
    except Exception:  # an old engine must not take the new one, or a request, down with it
        _logger.exception("The engine of snapshot %s did not close", engine.snapshot_id)
