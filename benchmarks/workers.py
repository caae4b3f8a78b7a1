"""One process an engine: none shares its memory, its threads or its collector with another. One works at a time."""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from benchmarks.answers import Answer
from benchmarks.peers.base import Peer, module_of
from facets_svc.facets.query import FacetQuery

PATIENCE_SECONDS: Final = 3600
"""An engine that says nothing for so long is given up."""


@dataclass(frozen=True)
class Opened:
    """An engine that is ready: how long it took to open, what it says of itself, the memory of its process."""

    seconds: float
    note: str
    narrow_search: bool
    resident_bytes: int


@dataclass(frozen=True)
class Timed:
    """The seconds that an engine took for a question, and its answers if they were wanted."""

    seconds: float
    answers: Sequence[Answer]


class Worker:
    """An open engine in a process of its own."""

    def __init__(self, name: str, records: Path, folder: Path, threads: int) -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(
            target=_work, args=(other, name, records, folder, threads), name=name, daemon=True
        )
        self._process.start()
        other.close()
        self.opened: Opened = self._told()

    def ask(self, queries: Sequence[FacetQuery], *, want_answers: bool = False) -> Timed:
        """Time the queries, one after the other. Raises `RuntimeError` with what went wrong in the process."""
        self._connection.send((tuple(queries), want_answers))
        timed: Timed = self._told()
        return timed

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.kill()

    def _told(self) -> Any:
        if not self._connection.poll(PATIENCE_SECONDS):
            self._process.kill()
            raise RuntimeError(f"{self.name} did not answer within {PATIENCE_SECONDS} s.")
        try:
            told = self._connection.recv()
        except EOFError:
            self._process.join()
            raise RuntimeError(f"The process of {self.name} died ({self._process.exitcode}).") from None
        if isinstance(told, str):
            raise RuntimeError(f"{self.name}: {told}")  # noqa: TRY004 - it is the text of an error
        return told


def _work(connection: Connection, name: str, records: Path, folder: Path, threads: int) -> None:
    os.environ["POLARS_MAX_THREADS"] = str(threads)  # read once, when polars is imported
    peer: Peer | None = None
    try:
        module = module_of(name)
        started = time.perf_counter()
        peer = module.open_peer(records, folder, threads)
        seconds = time.perf_counter() - started
        connection.send(Opened(seconds, peer.note, peer.narrow_search, resident_bytes()))
        gc.collect()
        gc.freeze()
        while True:
            queries, want_answers = connection.recv()
            connection.send(_time(peer, queries, want_answers=want_answers))
    except EOFError:
        pass
    except Exception as error:  # noqa: BLE001 - whatever it is, the process that waits is told
        connection.send(f"{type(error).__name__}: {error}")
    finally:
        if peer is not None:
            peer.close()
        os._exit(0)  # an engine's threads or leaks, told on the way out, are of no interest


def _time(peer: Peer, queries: Sequence[FacetQuery], *, want_answers: bool) -> Timed:
    peer.forget()
    seconds = 0.0
    answers = []
    gc.disable()  # a collection would count for the side that is timed
    for query in queries:
        peer.prepare(query)
        started = time.perf_counter()
        result = peer.ask(query)
        seconds += time.perf_counter() - started
        if want_answers:
            answers.append(peer.answer(result))
        del result
    gc.enable()
    gc.collect()
    return Timed(seconds, answers)


def resident_bytes(pid: int | str = "self") -> int:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
