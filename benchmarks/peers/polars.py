"""polars: a frame in memory, categories for values, one lazy `group_by` a facet, collected together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.answers import Answer
from benchmarks.peers.base import Peer, Selection, passes, scope_of
from facets_svc.catalogue import FACETS, Facet
from facets_svc.facets.query import FacetQuery


class Polars(Peer):
    """A frame in memory."""

    def __init__(self, records: Path, threads: int) -> None:
        if pl.thread_pool_size() != threads:
            raise RuntimeError(f"polars was imported before POLARS_MAX_THREADS={threads} was set.")
        categories = {facet.column: pl.List(pl.Categorical) if facet.is_list else pl.Categorical for facet in FACETS}
        self._frame = pl.read_parquet(records).cast({**categories, "org": pl.Categorical})

    def ask(self, query: FacetQuery) -> dict[str, Any]:
        """Collect one plan a facet and one a total, all at once, so that what they share is done once."""
        plans = {
            name: self._frame.lazy().filter(_passes(asked, asked.selected)).select(pl.len())
            for name, asked in (("total", scope_of(query)), ("filtered_total", query))
        }
        for one in passes(query):
            narrowed = self._frame.lazy().filter(_passes(query, one.selected))
            plans |= {facet.column: _counted(narrowed, facet) for facet in one.counted}
        return dict(zip(plans, pl.collect_all(list(plans.values())), strict=True))

    def answer(self, result: dict[str, Any]) -> Answer:
        """Return the frames' counts."""
        facets = {
            facet.column: dict(result[facet.column].cast({facet.column: pl.String}).iter_rows()) for facet in FACETS
        }
        return Answer(result["total"].item(), result["filtered_total"].item(), facets)

    def close(self) -> None:
        """Let go of the frame."""
        del self._frame


def _counted(narrowed: Any, facet: Facet) -> Any:
    values = narrowed.select(facet.column)
    if facet.is_list:
        values = values.explode(facet.column)
    return values.drop_nulls().group_by(facet.column).len().sort("len", descending=True)


def _passes(query: FacetQuery, selected: Selection) -> Any:
    """Return the condition of a pass."""
    passing = pl.col("org") == query.org
    if query.include_public:
        passing |= pl.col("is_public")
    for term in query.terms:
        passing &= pl.col("search_text").str.contains(term, literal=True)
    for facet in FACETS:
        values = selected[facet.index]
        if not values:
            continue
        column = pl.col(facet.column)
        if facet.is_list:
            tests = [column.list.contains(value) for value in values]
            passing &= pl.all_horizontal(tests) if facet.match == "all" else pl.any_horizontal(tests)
        else:
            passing &= column.is_in(list(values))
    return passing


def build(records: Path, folder: Path) -> None:
    """Nothing: the records are read into memory when it opens."""


def open_peer(records: Path, folder: Path, threads: int) -> Polars:  # noqa: ARG001 - as every peer
    """Read the records. `POLARS_MAX_THREADS` must be set before polars is imported, by whoever starts the process."""
    assert os.environ.get("POLARS_MAX_THREADS") == str(threads)
    return Polars(records, threads)
