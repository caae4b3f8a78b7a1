"""The engine's whole answers (totals, values, counts, order, truncation) are the oracle's."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facets_svc.catalogue import RECORD
from facets_svc.errors import FacetsError
from tests.oracle import clean_catalogue
from tests.parity.published import Published, published
from tests.strategies import (
    ModelQuestion,
    RawRow,
    catalogues,
    mixed_questions,
    model_questions,
    random_mixed_question,
    random_model_question,
    random_question,
    random_value_question,
    value_questions,
)


def assert_parity(it: Published, *, seed: int, count: int) -> None:
    """Ask `count` questions of both: by turns one by the contract, one that mixes all, one for a facet's values."""
    chance = random.Random(seed)  # noqa: S311 - seeded on purpose
    for number in range(count):
        if number % 3 == 2:
            asked = random_value_question(chance, it.models)
            assert it.values(asked) == asked.answered_by_oracle(it.models), f"question {number}: {asked}"
        else:
            question = (random_question, random_mixed_question)[number % 3](chance, it.models)
            assert it.answer(question) == question.answered_by_oracle(it.models), f"question {number}: {question}"


def assert_listed_alike(it: Published, asked: ModelQuestion) -> None:
    """Go through all pages, and compare them with the oracle's list: every model once, in its order, with totals."""
    right = asked.answered_by_oracle(it.models)
    fields = asked.fields or RECORD.names
    seen = 0
    for page in it.pages(asked):
        expected = [{name: record[name] for name in fields} for record in right.records[seen : seen + asked.limit]]
        assert list(page.records) == expected, asked
        assert all(list(record) == [name for name in RECORD.names if name in fields] for record in page.records)
        assert (page.total, page.filtered_total) == (right.total, len(right.records)), asked
        seen += len(page.records)
    assert seen == len(right.records), asked


def assert_cleaned_alike(it: Published) -> None:
    """Compare the rows that were kept and those that were kept aside."""
    assert it.records() == {model.record["id"]: model.record for model in it.models}
    reported = it.reported_rejects()
    assert {reject.row: reported.get(reject.row) for reject in it.rejects} == reported
    for reject in it.rejects:
        assert reported[reject.row] in reject.reasons


def test_the_sample_is_cleaned_as_the_oracle_cleans_it(sample: Published) -> None:
    assert_cleaned_alike(sample)


def test_the_sample_is_answered_as_the_oracle_answers(sample: Published) -> None:
    assert_parity(sample, seed=1, count=300)


def test_the_models_of_the_sample_are_listed_as_the_oracle_lists_them(sample: Published) -> None:
    chance = random.Random(11)  # noqa: S311 - seeded on purpose
    for _ in range(20):
        assert_listed_alike(sample, random_model_question(chance, sample.models))


def test_a_crowd_of_awkward_models_is_listed_as_the_oracle_lists_it(crowded: Published) -> None:
    chance = random.Random(12)  # noqa: S311 - seeded on purpose
    for _ in range(60):
        assert_listed_alike(crowded, random_model_question(chance, crowded.models))


def test_the_real_catalogue_is_cleaned_as_the_oracle_cleans_it(real: Published) -> None:
    assert_cleaned_alike(real)


def test_the_real_catalogue_is_answered_as_the_oracle_answers(real: Published) -> None:
    assert_parity(real, seed=2, count=40)


def test_a_crowd_of_awkward_values_is_cleaned_as_the_oracle_cleans_it(crowded: Published) -> None:
    assert_cleaned_alike(crowded)


def test_a_crowd_of_awkward_values_is_answered_as_the_oracle_answers(crowded: Published) -> None:
    assert_parity(crowded, seed=9, count=400)


@pytest.mark.soak
def test_thousands_of_questions_to_the_sample_are_answered_as_the_oracle_answers(
    sample: Published, say: Callable[[str], None]
) -> None:
    assert_parity(sample, seed=3, count=5_000)
    say(f"parity, sample, DuckDB {duckdb.__version__}: 5,000 questions, 0 differences")


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_thousand_questions_to_the_real_catalogue_are_answered_as_the_oracle_answers(
    real: Published, say: Callable[[str], None]
) -> None:
    assert_parity(real, seed=4, count=1_000)
    say(f"parity, real models, DuckDB {duckdb.__version__}: 1,000 questions, 0 differences")


def check_generated(catalogue: list[RawRow], choice: st.DataObject) -> None:
    """Publish a generated catalogue and ask it a dozen questions; one without a usable row is refused."""
    with tempfile.TemporaryDirectory() as folder:
        if not clean_catalogue(catalogue)[0]:
            with pytest.raises(FacetsError), published(catalogue, Path(folder)):
                pass
            return
        with published(catalogue, Path(folder)) as it:
            assert_cleaned_alike(it)
            for question in choice.draw(st.lists(mixed_questions(it.models), min_size=12, max_size=12)):
                assert it.answer(question) == question.answered_by_oracle(it.models), question
            for asked in choice.draw(st.lists(value_questions(it.models), min_size=4, max_size=4)):
                assert it.values(asked) == asked.answered_by_oracle(it.models), asked
            for listing in choice.draw(st.lists(model_questions(it.models), min_size=4, max_size=4)):
                assert_listed_alike(it, listing)


@settings(max_examples=10)
@given(catalogues(), st.data())
def test_generated_catalogues_are_cleaned_and_answered_as_the_oracle_does(
    catalogue: list[RawRow], choice: st.DataObject
) -> None:
    check_generated(catalogue, choice)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_thousand_generated_catalogues_are_cleaned_and_answered_as_the_oracle_does(
    say: Callable[[str], None],
) -> None:
    seen = 0

    @given(catalogues(max_rows=60), st.data())
    def check(catalogue: list[RawRow], choice: st.DataObject) -> None:
        nonlocal seen
        check_generated(catalogue, choice)
        seen += 1

    check()
    say(f"parity, DuckDB {duckdb.__version__}: {seen:,} catalogues, {seen * 12:,} questions, 0 differences")
