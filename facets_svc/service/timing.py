"""Where the time of a request went."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

_HIT: Final = b"cache;desc=hit, queue;dur=0, engine;dur=0, encode;dur=0"


@dataclass(slots=True)
class Course:
    """When a computation came by its stations, by `time.perf_counter`; None for those it has not come by.

    `statements` are the names of those that the engine ran, while requests are traced.
    """

    begun: float = field(default_factory=time.perf_counter)
    started: float | None = None
    counted: float | None = None
    encoded: float | None = None
    statements: tuple[str, ...] = ()


@dataclass(slots=True)
class Timing:
    """What one request waited for, since it asked.

    `hit` tells that the answer was kept, `shared` that another one's computation was joined: then only what passed
    since the joining counts.
    """

    asked: float = field(default_factory=time.perf_counter)
    hit: bool = False
    shared: bool = False
    course: Course | None = None

    @property
    def cache(self) -> str | None:
        """How the response cache met the question: hit, miss or shared; None without a question that came so far."""
        if self.hit:
            return "hit"
        if self.course is None:
            return None
        return "shared" if self.shared else "miss"

    def durations(self) -> tuple[float, float, float]:
        """Return the seconds in the queue, in the engine and in encoding, until now for what is not over."""
        if self.course is None:
            return (0.0, 0.0, 0.0)
        now = time.perf_counter()
        stations = (self.course.begun, self.course.started, self.course.counted, self.course.encoded)
        queued, started, counted, encoded = (now if at is None else max(at, self.asked) for at in stations)
        return (started - queued, counted - started, encoded - counted)

    def header(self) -> bytes:
        """Return where the time went as the Server-Timing standard has it, in milliseconds."""
        if self.hit:
            return _HIT
        queue, engine, encode = (seconds * 1000 for seconds in self.durations())
        cache = "cache;desc=shared, " if self.shared else ""
        return f"{cache}queue;dur={queue:.2f}, engine;dur={engine:.2f}, encode;dur={encode:.2f}".encode()
