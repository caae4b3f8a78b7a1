"""What the benchmark asks of an engine, and the passes that an engine without disjunctive counts has to make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol, cast

import pyarrow as pa

from benchmarks.answers import Answer, Counts
from facets_svc.catalogue import FACETS, Facet
from facets_svc.facets.query import FacetQuery

OURS: Final = "facets_svc"
LIMIT: Final = "limit"

MODULES: Final = {
    OURS: "ours",
    "tantivy": "tantivy",
    "ClickHouse": "clickhouse",
    "polars": "polars",
    "DuckDB, naive": "naive",
    "SQLite": "sqlite",
    LIMIT: "bincount",
}
"""The module of each engine. `limit` is none: it counts what is known already, as fast as memory allows."""


Selection = tuple[tuple[str, ...], ...]
"""The selected values of every facet, by its index."""


class Peer:
    """An open engine over the records of a catalogue, for one client.

    What is timed is `ask`, up to a result in the engine's own form, as its Python binding hands it out; `answer`, which
    is not timed, turns it into what is compared. Results must list the values of a facet by descending count.
    """

    note = ""
    """Where its semantics or its threads are narrower than ours."""

    narrow_search = False
    """Whether it may find fewer models than contain the terms, as an engine for words does."""

    def forget(self) -> None:
        """Drop whatever earlier questions left behind, so that the next is answered anew. Not timed."""

    def prepare(self, query: FacetQuery) -> None:
        """Get ready for a question, which may only be what is no part of answering it. Not timed."""

    def ask(self, query: FacetQuery) -> Any:
        """Answer, in the engine's own form."""
        raise NotImplementedError

    def answer(self, result: Any) -> Answer:
        """Return a result of `ask` in the form that is compared."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what is held."""
        raise NotImplementedError


class PeerModule(Protocol):
    """A module of this package."""

    def build(self, records: Path, folder: Path) -> None:
        """Make in the empty `folder` what the engine keeps on disk. Done once a catalogue, and not timed."""

    def open_peer(self, records: Path, folder: Path, threads: int) -> Peer:
        """Open what `build` made, with so many threads."""


def module_of(name: str) -> PeerModule:
    """Return the module of an engine. Raises `ModuleNotFoundError` when the engine is not installed."""
    return cast("PeerModule", import_module(f"benchmarks.peers.{MODULES[name]}"))


def scope_of(query: FacetQuery) -> FacetQuery:
    """Return the query without its search and its filters: it passes the models in scope."""
    return FacetQuery.of(query.org, include_public=query.include_public, limit=1)


@dataclass(frozen=True)
class Pass:
    """One conjunctive query: the facets that it counts, the selection that narrows it, whether it counts models too."""

    counted: tuple[Facet, ...]
    selected: Selection
    counts_models: bool


def passes(query: FacetQuery) -> Iterator[Pass]:
    """Yield the conjunctive queries that make disjunctive counts: one, and one more for each narrowed *any* facet."""
    own = [facet for facet in FACETS if facet.match == "any" and query.selected[facet.index]]
    yield Pass(tuple(facet for facet in FACETS if facet not in own), query.selected, counts_models=True)
    for facet in own:
        without = (*query.selected[: facet.index], (), *query.selected[facet.index + 1 :])
        yield Pass((facet,), without, counts_models=False)


def counts_in(table: pa.Table) -> Counts:
    """Return the counts of an Arrow table of two columns: values and models."""
    values, models = table.columns
    return dict(zip(values.to_pylist(), models.to_pylist(), strict=True))
