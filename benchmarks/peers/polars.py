"""polars: a frame in memory, categories for values, a lazy filter and `value_counts` of each column."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.answers import Answer
from benchmarks.peers.base import Peer, Selection, passes, scope_of
from facets_svc.catalogue import FACETS
from facets_svc.facets.query import FacetQuery


class Polars(Peer):
    """A frame in memory."""

    def __init__(self, records: Path, threads: int) -> None:
        if pl.thread_pool_size() != threads:
            raise RuntimeError(f"polars was imported before POLARS_MAX_THREADS={threads} was set.")
        categories = {facet.column: pl.List(pl.Categorical) if facet.is_list else pl.Categorical for facet in FACETS}
        self._frame = pl.read_parquet(records).cast({**categories, "org": pl.Categorical})

    def ask(self, query: FacetQuery) -> tuple[int, int, dict[str, Any]]:
        """Find the models of each pass once, and count the values of each column.

        Measured against one lazy `group_by` a facet, collected together, this was faster on the whole.
        """
        total = self._frame.lazy().filter(_passes(scope_of(query), ())).select(pl.len()).collect().item()
        filtered_total, counted = 0, {}
        for one in passes(query):
            columns = [facet.column for facet in one.counted]
            passing = self._frame.lazy().filter(_passes(query, one.selected)).select(columns).collect()
            if one.counts_models:
                filtered_total = passing.height
            for facet in one.counted:
                values = passing[facet.column].explode() if facet.is_list else passing[facet.column]
                counted[facet.column] = values.drop_nulls().value_counts(sort=True)
        return total, filtered_total, counted

    def answer(self, result: tuple[int, int, dict[str, Any]]) -> Answer:
        """Return the frames' counts."""
        total, filtered_total, counted = result
        facets = {column: dict(frame.cast({column: pl.String}).iter_rows()) for column, frame in counted.items()}
        return Answer(total, filtered_total, facets)

    def close(self) -> None:
        """Let go of the frame."""
        del self._frame


def _passes(query: FacetQuery, selected: Selection) -> Any:
    """Return the condition of a pass."""
    passing = pl.col("org") == query.org
    if query.include_public:
        passing |= pl.col("is_public")
    for term in query.terms:
        passing &= pl.col("search_text").str.contains(term, literal=True)
    for facet, values in zip(FACETS, selected, strict=False):
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
    """Read the records. The starter of the process must set `POLARS_MAX_THREADS` before polars is imported."""
    assert os.environ.get("POLARS_MAX_THREADS") == str(threads)
    return Polars(records, threads)
