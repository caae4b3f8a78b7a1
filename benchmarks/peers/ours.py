"""The engine of this project, over a snapshot that its own job published. Nothing is cached between questions."""

from __future__ import annotations

from pathlib import Path

from benchmarks.answers import Answer
from benchmarks.peers.base import Peer
from facets_svc.catalogue import FACETS
from facets_svc.engine.duckdb import DuckdbEngine, open_engine
from facets_svc.facets.answer import FacetAnswer
from facets_svc.facets.query import FacetQuery
from facets_svc.lake.folder import Lake


class Ours(Peer):
    """The engine of the service; its answers are Python objects already, so their making is timed."""

    def __init__(self, engine: DuckdbEngine) -> None:
        self._engine = engine

    def ask(self, query: FacetQuery) -> FacetAnswer:
        """Answer as the service is answered."""
        return self._engine.answer(query)

    def answer(self, result: FacetAnswer) -> Answer:
        """Return the answer without the selected values that no model has."""
        facets = {
            facet.column: {value: count for value, count in zip(listed.values, listed.counts, strict=True) if count}
            for facet, listed in zip(FACETS, result.facets, strict=True)
        }
        return Answer(result.total, result.filtered_total, facets)

    def close(self) -> None:
        """Let go of the engine."""
        self._engine.close()


def build(records: Path, folder: Path) -> None:
    """Nothing: the lake was there before the records, which come from it."""


def open_peer(records: Path, folder: Path, threads: int) -> Ours:  # noqa: ARG001 - as every peer
    """Open the current snapshot of the lake beside the records."""
    return Ours(open_engine(Lake.open(str(records.parent / "lake")).snapshot(), threads=threads, memory_limit=""))
