"""Where the time of a request went."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

_HIT: Final = b"cache;desc=hit, queue;dur=0, engine;dur=0, encode;dur=0"


@dataclass(slots=True)
class Stages:
    """When a computation reached each stage, in seconds of `time.perf_counter`; None for stages not reached yet.

    `statements` are the names of the statements that the engine ran, while requests are traced.
    """

    begun: float = field(default_factory=time.perf_counter)
    started: float | None = None
    counted: float | None = None
    encoded: float | None = None
    statements: tuple[str, ...] = ()


@dataclass(slots=True)
class Timing:
    """The time that one request waited for its answer, from `asked` in seconds of `time.perf_counter`.

    `hit` is true if the answer came from the response cache, `shared` if the request joined the computation of another
    one. Then only the time since `asked` counts.
    """

    asked: float = field(default_factory=time.perf_counter)
    hit: bool = False
    shared: bool = False
    stages: Stages | None = None

    @property
    def cache(self) -> str | None:
        """The result of the response cache: hit, miss or shared; None if the request did not get that far."""
        if self.hit:
            return "hit"
        if self.stages is None:
            return None
        return "shared" if self.shared else "miss"

    def durations(self) -> tuple[float, float, float]:
        """Return the seconds in the queue, in the engine and in encoding; an unfinished stage lasts until now."""
        if self.stages is None:
            return (0.0, 0.0, 0.0)
        now = time.perf_counter()
        times = (self.stages.begun, self.stages.started, self.stages.counted, self.stages.encoded)
        queued, started, counted, encoded = (now if at is None else max(at, self.asked) for at in times)
        return (started - queued, counted - started, encoded - counted)

    def header(self) -> bytes:
        """Return the durations as a Server-Timing header, in milliseconds."""
        if self.hit:
            return _HIT
        queue, engine, encode = (seconds * 1000 for seconds in self.durations())
        cache = "cache;desc=shared, " if self.shared else ""
        return f"{cache}queue;dur={queue:.2f}, engine;dur={engine:.2f}, encode;dur={encode:.2f}".encode()
