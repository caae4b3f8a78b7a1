"""Encoded answers of one snapshot, kept as long as there is room for them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, cast

from facets_svc import metrics
from facets_svc.facets.query import Question
from facets_svc.service.form import Encoded, EncodedT, Form, QuestionT

Key = tuple[Question, Form[Any, Any]]

_ENTRY_BYTES = 1024
"""What an entry takes beside its texts and bytes: objects, tuples and a slot of the dictionary, generously."""


class AnswerCache:
    """The answers that were asked for last, of at most `capacity` bytes together with their keys.

    A key holds the org and the scope, so that an answer is found only by those who ask the same question; whether they
    may is checked before. The cache belongs to one engine's time in force and goes with it: nothing gets out of date.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._entries: OrderedDict[Key, tuple[Encoded, int]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        """How many answers are kept."""
        return len(self._entries)

    @property
    def bytes(self) -> int:
        """How many bytes are taken."""
        return self._bytes

    def get(self, question: QuestionT, form: Form[QuestionT, EncodedT]) -> EncodedT | None:
        """Return the kept answer to `question` in this form, if there is one."""
        key = (question, form)
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
        return cast("EncodedT", entry[0])

    def put(self, question: QuestionT, form: Form[QuestionT, EncodedT], encoded: EncodedT) -> None:
        """Keep an answer. Those that were not asked for longest go; one that is too large by itself is not kept."""
        key = (question, form)
        size = encoded.size + _key_bytes(question)
        with self._lock:
            if size > self._capacity:
                return
            bytes_before, entries_before = self._bytes, len(self._entries)
            if (old := self._entries.pop(key, None)) is not None:
                self._bytes -= old[1]
            self._entries[key] = (encoded, size)
            self._bytes += size
            evicted = 0
            while self._bytes > self._capacity:
                _, (_, freed) = self._entries.popitem(last=False)
                self._bytes -= freed
                evicted += 1
            metrics.cache_changed(
                added_bytes=self._bytes - bytes_before,
                added=len(self._entries) - entries_before,
                evicted=evicted,
            )

    def close(self) -> None:
        """Let all answers go, and keep none from now on."""
        with self._lock:
            self._capacity = 0
            metrics.cache_changed(added_bytes=-self._bytes, added=-len(self._entries))
            self._entries.clear()
            self._bytes = 0


def _key_bytes(question: Question) -> int:
    # A character takes four bytes at the most.
    return _ENTRY_BYTES + 4 * len(repr(question))
