"""The response cache: the most recently used encoded answers of one snapshot."""

from __future__ import annotations

import threading
from typing import Any, Final, cast

from cachetools import LRUCache

from facets_svc import metrics
from facets_svc.facets.query import Question
from facets_svc.service.answers import Encoded, EncodedT, Form, QuestionT

Key = tuple[Question, Form[Any, Any]]

_ENTRY_BYTES: Final = 1024
"""An upper estimate of an entry's memory beside its texts and bytes: objects, tuples and a slot of the dictionary."""


class ResponseCache:
    """Caches the most recently used answers, in at most `capacity` bytes including their keys. Thread-safe.

    A key holds the org and the scope: only a caller with the same question finds an answer, and routes check the
    caller's org before. A cache belongs to one engine and is emptied with it, so that no entry can become stale.
    """

    def __init__(self, capacity: int) -> None:
        self._lock = threading.Lock()
        self._entries: LRUCache[Key, tuple[Encoded, int]] = _entries(capacity)

    def __len__(self) -> int:
        """Return the number of cached answers."""
        return len(self._entries)

    @property
    def bytes(self) -> int:
        """Size of the cached answers with their keys, in bytes."""
        return int(self._entries.currsize)

    def get(self, question: QuestionT, form: Form[QuestionT, EncodedT]) -> EncodedT | None:
        """Return the cached answer to `question` in this form; None if there is none."""
        with self._lock:
            entry = self._entries.get((question, form))
        return None if entry is None else cast("EncodedT", entry[0])

    def put(self, question: QuestionT, form: Form[QuestionT, EncodedT], encoded: EncodedT) -> None:
        """Cache an answer, and evict the least recently used ones. An answer larger than the cache is not cached."""
        size = encoded.size + _ENTRY_BYTES + 4 * len(repr(question))  # a character takes at most four bytes
        with self._lock:
            if size <= self._entries.maxsize:
                bytes_before, entries_before = self.bytes, len(self._entries)
                added = 0 if (question, form) in self._entries else 1
                self._entries[question, form] = (encoded, size)
                metrics.cache_changed(
                    added_bytes=self.bytes - bytes_before,
                    added=len(self._entries) - entries_before,
                    evicted=entries_before + added - len(self._entries),
                )

    def close(self) -> None:
        """Evict all answers, and cache none from now on."""
        with self._lock:
            metrics.cache_changed(added_bytes=-self.bytes, added=-len(self._entries))
            self._entries = _entries(0)


def _entries(capacity: int) -> LRUCache[Key, tuple[Encoded, int]]:
    return LRUCache(capacity, getsizeof=lambda entry: entry[1])
