"""Laws that hold for every catalogue, however hostile: what is clean stays as it is, and lists have one order."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from facets_svc.catalogue import FACETS, RECORD
from facets_svc.facets.values import size_key
from tests.oracle import clean_catalogue
from tests.parity.published import Published, published
from tests.strategies import Question, RawRow, catalogues, questions, write_jsonl
from tests.sync.reading import Outcome, read


def records(outcome: Outcome) -> list[dict[str, Any]]:
    return [{name: row[name] for name in (*RECORD.names, "search_text")} for row in outcome.rows]


def as_json(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()


def check_cleaning_is_idempotent(catalogue: Sequence[RawRow]) -> None:
    """Clean rows again, once as lines of JSON and once as Parquet: they stay what they are, and none is rejected."""
    assume(clean_catalogue(catalogue)[0])
    with tempfile.TemporaryDirectory() as folder:
        once = read(write_jsonl(catalogue, Path(folder, "raw.jsonl")))
        clean = [{name: row[name] for name in RECORD.names} for row in once.rows]
        lines = Path(folder, "clean.jsonl")
        lines.write_text("".join(json.dumps(row, default=as_json) + "\n" for row in clean))
        pq.write_table(pa.Table.from_pylist(clean, RECORD), Path(folder, "clean.parquet"))
        for again in (read(lines), read(Path(folder, "clean.parquet"))):
            assert records(again) == records(once)
            assert again.rejects == []
            assert again.cleaner.values_too_long == {}


@given(catalogues())
def test_cleaning_what_is_clean_changes_nothing(catalogue: list[RawRow]) -> None:
    check_cleaning_is_idempotent(catalogue)


@pytest.mark.soak
def test_cleaning_a_thousand_clean_catalogues_changes_nothing(say: Callable[[str], None]) -> None:
    catalogues_seen = 0

    @given(catalogues(max_rows=60))
    def check(catalogue: list[RawRow]) -> None:
        nonlocal catalogues_seen
        check_cleaning_is_idempotent(catalogue)
        catalogues_seen += 1

    check()
    say(f"cleaning again: {catalogues_seen:,} catalogues, as lines of JSON and as Parquet, 0 changes")


def check_order_and_scope(it: Published, question: Question) -> None:
    """Check what anybody can see of an answer: one total order, and no model counted twice."""
    answer = it.answer(question)
    for facet in FACETS:
        values, counts = answer.facets[facet.response_key]
        assert len(set(values)) == len(values) == len(counts)
        places = [
            (count == 0, _size(facet.order, value, count), -count, value)
            for value, count in zip(values, counts, strict=True)
        ]
        assert places == sorted(places)
        assert max(counts, default=0) <= answer.total
    own = {model.record["id"] for model in it.models if model.org == question.org}
    public = {model.record["id"] for model in it.models if model.is_public}
    assert answer.total == len(own | public if question.include_public else own)
    wider, narrower = (it.answer(dataclasses.replace(question, include_public=flag)) for flag in (True, False))
    assert wider.filtered_total >= narrower.filtered_total


def _size(order: str, value: str, count: int) -> tuple[Any, ...]:
    """Return what a size comes by, before its count; labels that do not read come last, those of count 0 by name."""
    if order != "size" or not count:
        return ()
    key = size_key(value)
    return (0, *key) if key else (1,)


def check_catalogue(catalogue: Sequence[RawRow], choice: st.DataObject) -> None:
    models, _ = clean_catalogue(catalogue)
    assume(models)
    with tempfile.TemporaryDirectory() as folder, published(catalogue, Path(folder)) as it:
        for question in choice.draw(st.lists(questions(models), min_size=20, max_size=20)):
            check_order_and_scope(it, question)


@settings(max_examples=8)
@given(catalogues(), st.data())
def test_the_order_is_total_and_a_public_model_of_ones_own_counts_once(
    catalogue: list[RawRow], choice: st.DataObject
) -> None:
    check_catalogue(catalogue, choice)


@pytest.mark.soak
def test_the_order_is_total_in_hundreds_of_catalogues(say: Callable[[str], None]) -> None:
    catalogues_seen = 0

    @settings(max_examples=300)
    @given(catalogues(max_rows=60), st.data())
    def check(catalogue: list[RawRow], choice: st.DataObject) -> None:
        nonlocal catalogues_seen
        check_catalogue(catalogue, choice)
        catalogues_seen += 1

    check()
    say(f"order and scope: {catalogues_seen} catalogues, {catalogues_seen * 20:,} questions, 0 exceptions")
