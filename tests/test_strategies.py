"""What is generated is worth asking, and may be asked."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import Phase, assume, find, given, settings
from hypothesis import strategies as st

from tests.oracle import clean_catalogue
from tests.strategies import RawRow, catalogues, questions, write_jsonl


@given(catalogues())
def test_a_catalogue_says_the_same_as_lines_of_json(catalogue: list[RawRow]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        written = write_jsonl(catalogue, Path(folder) / "catalogue.jsonl").read_bytes()
    assert clean_catalogue(written.split(b"\n")[:-1]) == clean_catalogue(catalogue)


@given(catalogues(), st.data())
def test_a_question_stays_within_what_the_service_takes(catalogue: list[RawRow], choice: st.DataObject) -> None:
    models, _ = clean_catalogue(catalogue)
    assume(models)
    question = choice.draw(questions(models))
    values = [value for values in question.selected.values() for value in values]
    assert len(values) <= 100
    assert all(len(value) <= 256 and "\0" not in value for value in [*values, question.search])
    assert len(question.search.split()) <= 16
    assert 1 <= question.limit <= 10_000


@pytest.mark.parametrize(
    "reason", ["missing_required", "bad_slug", "bad_text", "bad_list", "bad_type", "bad_line", "duplicate_id"]
)
def test_every_reason_to_reject_a_row_comes_up(reason: str) -> None:
    def holds(catalogue: list[RawRow]) -> bool:
        return any(reason in reject.reasons for reject in clean_catalogue(catalogue)[1])

    find(catalogues(), holds, settings=settings(phases=[Phase.generate], max_examples=2_000))
