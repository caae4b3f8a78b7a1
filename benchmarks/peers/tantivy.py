"""tantivy: terms aggregations over fast fields, term queries for filters, a text field for the words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
import tantivy

from benchmarks.answers import Answer
from benchmarks.peers.base import Pass, Peer, Selection, passes
from facets_svc.catalogue import FACETS
from facets_svc.facets.query import FacetQuery

_BUCKETS: Final = 65_000
"""What tantivy allows at most; no facet has so many values."""

_MODELS: Final = "models"

_WRITER_BYTES: Final = 1_500_000_000


def _schema() -> Any:
    schema = tantivy.SchemaBuilder()
    for facet in FACETS:
        schema.add_text_field(facet.column, fast=True, tokenizer_name="raw", index_option="basic")
    schema.add_text_field("org", tokenizer_name="raw", index_option="basic")
    schema.add_boolean_field("is_public", indexed=True, fast=True)
    schema.add_text_field("search_text")
    return schema.build()


class Tantivy(Peer):
    """A searcher over the index."""

    note = (
        "One thread: the Python binding has no executor. It searches words: a term of several words becomes a phrase "
        "query, and a term that is not a word becomes a regular expression over its dictionary."
    )

    narrow_search = True

    def __init__(self, folder: Path) -> None:
        self._index = tantivy.Index.open(str(folder))
        self._index.reload()
        self._schema = self._index.schema
        self._searcher = self._index.searcher()

    def ask(self, query: FacetQuery) -> list[tuple[Pass | None, Any]]:
        """Aggregate once a pass; its binding hands out Python objects, so their making is timed."""
        total = self._searcher.search(self._scope(query), limit=1).count
        found: list[tuple[Pass | None, Any]] = [(None, total)]
        for one in passes(query):
            wanted: dict[str, Any] = {
                facet.column: {"terms": {"field": facet.column, "size": _BUCKETS, "segment_size": _BUCKETS}}
                for facet in one.counted
            }
            if one.counts_models:
                wanted[_MODELS] = {"value_count": {"field": "is_public"}}
            found.append((one, self._searcher.aggregate(self._query(query, one.selected), wanted)))
        return found

    def answer(self, result: list[tuple[Pass | None, Any]]) -> Answer:
        """Return the buckets' counts."""
        filtered_total, facets = 0, {}
        for one, buckets in result[1:]:
            assert one is not None
            if one.counts_models:
                filtered_total = int(buckets[_MODELS]["value"])
            for facet in one.counted:
                facets[facet.column] = {
                    bucket["key"]: bucket["doc_count"] for bucket in buckets[facet.column]["buckets"]
                }
        return Answer(result[0][1], filtered_total, facets)

    def close(self) -> None:
        """Let go of the searcher."""
        del self._searcher, self._index

    def _term(self, field: str, value: str | bool) -> Any:  # noqa: FBT001 - a value of a field
        return tantivy.Query.term_query(self._schema, field, value, "basic")

    def _scope(self, query: FacetQuery) -> Any:
        own = self._term("org", query.org)
        return own.or_should_match(self._term("is_public", value=True)) if query.include_public else own

    def _words(self, term: str) -> Any:
        words = re.findall(r"[^\W_]+", term)
        if len(words) > 1:
            return tantivy.Query.phrase_query(self._schema, "search_text", words)
        if self._searcher.doc_freq("search_text", term):
            return self._term("search_text", term)
        return tantivy.Query.regex_query(self._schema, "search_text", f".*{re.escape(term)}.*")

    def _query(self, query: FacetQuery, selected: Selection) -> Any:
        must = [self._words(term) for term in query.terms]
        for facet in FACETS:
            if not selected[facet.index]:
                continue
            terms = [self._term(facet.column, value) for value in selected[facet.index]]
            must += terms if facet.match == "all" else [terms[0].or_should_match(*terms[1:])]
        return self._scope(query).and_must_match(*must) if must else self._scope(query)


def build(records: Path, folder: Path) -> None:
    """Write the index, in as few segments as the writer makes."""
    index = tantivy.Index(_schema(), path=str(folder))
    writer = index.writer(heap_size=_WRITER_BYTES, num_threads=1)
    for batch in pq.ParquetFile(records).iter_batches():
        for row in batch.to_pylist():
            writer.add_document(tantivy.Document(**{name: value for name, value in row.items() if value is not None}))
    writer.commit()
    writer.wait_merging_threads()


def open_peer(records: Path, folder: Path, threads: int) -> Tantivy:  # noqa: ARG001 - as every peer
    """Open the index."""
    return Tantivy(folder)
