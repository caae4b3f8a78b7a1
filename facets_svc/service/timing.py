"""Where the time of a request went."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


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

    def durations(self) -> tuple[float, float, float]:
        """Return the seconds in the queue, in the engine and in encoding, until now for what is not over."""
        if self.course is None:
            return (0.0, 0.0, 0.0)
        now = time.perf_counter()
        stations = (self.course.begun, self.course.started, self.course.counted, self.course.encoded)
        queued, started, counted, encoded = (now if at is None else max(at, self.asked) for at in stations)
        return (started - queued, counted - started, encoded - counted)
