"""The response cache: encoded answers of one snapshot, the ones that were asked for last."""

from __future__ import annotations

import threading
from typing import Any, cast

from cachetools import LRUCache

from facets_svc import metrics
from facets_svc.facets.query import Question
from facets_svc.service.form import Encoded, EncodedT, Form, QuestionT

Key = tuple[Question, Form[Any, Any]]

_ENTRY_BYTES = 1024
"""The memory of an entry beside its texts and bytes: objects, tuples and a slot of the dictionary, generously."""


class ResponseCache:
    """The answers that were asked for last, of at most `capacity` bytes together with their keys.

    A key holds the org and the scope, so that an answer is found only by callers who ask the same question; whether
    they may is checked before. The cache belongs to one engine while it is current and goes with it: nothing gets out
    of date.
    """

    def __init__(self, capacity: int) -> None:
        self._lock = threading.Lock()
        self._entries: LRUCache[Key, tuple[Encoded, int]] = _entries(capacity)

    def __len__(self) -> int:
        """How many answers are cached."""
        return len(self._entries)

    @property
    def bytes(self) -> int:
        """How many bytes are taken."""
        return int(self._entries.currsize)

    def get(self, question: QuestionT, form: Form[QuestionT, EncodedT]) -> EncodedT | None:
        """Return the cached answer to `question` in this form, if there is one."""
        with self._lock:
            entry = self._entries.get((question, form))
        return None if entry is None else cast("EncodedT", entry[0])

    def put(self, question: QuestionT, form: Form[QuestionT, EncodedT], encoded: EncodedT) -> None:
        """Cache an answer. The least recently used ones go; one that is too large by itself is not cached."""
        size = encoded.size + _ENTRY_BYTES + 4 * len(repr(question))  # a character takes four bytes at the most
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
        """Let all answers go, and cache none from now on."""
        with self._lock:
            metrics.cache_changed(added_bytes=-self.bytes, added=-len(self._entries))
            self._entries = _entries(0)


def _entries(capacity: int) -> LRUCache[Key, tuple[Encoded, int]]:
    return LRUCache(capacity, getsizeof=lambda entry: entry[1])
