"""What holds for every catalogue and question, told by the engine's answers alone."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Iterator

import pytest

from tests.oracle import PARAMETERS
from tests.parity.published import Published
from tests.strategies import Question, random_question


@pytest.fixture
def asked(sample: Published) -> list[Question]:
    chance = random.Random(5)  # noqa: S311 - seeded on purpose
    return [random_question(chance, sample.models) for _ in range(60)]


def narrowed(question: Question) -> Iterator[tuple[str, str, Question]]:
    """Every facet with a value that the sample knows, and the question with that value selected too."""
    for parameter, value in [
        ("tags", "pytorch"),
        ("license", "apache-2.0"),
        ("task_categories", "image-classification"),
        ("framework", "timm"),
        ("size_category", "<100M"),
    ]:
        selected = {**question.selected, parameter: [*question.selected.get(parameter, ()), value]}
        yield parameter, value, dataclasses.replace(question, selected=selected)


def test_a_count_is_how_many_models_one_would_see(sample: Published, asked: list[Question]) -> None:
    for question in asked[:30]:
        answer = sample.answer(question)
        for parameter, key in PARAMETERS.items():
            listed = answer.facets[key]
            for value, count in itertools.islice(zip(*listed, strict=True), 4):
                others = question.selected.get(parameter, []) if parameter == "tags" else []
                click = dataclasses.replace(question, selected={**question.selected, parameter: [*others, value]})
                assert sample.answer(click).filtered_total == count, (question, parameter, value)


def test_the_order_of_a_list_is_total_and_repeats_nothing(sample: Published, asked: list[Question]) -> None:
    for question in asked:
        for key, (values, counts) in sample.answer(question).facets.items():
            assert len(set(values)) == len(values) == len(counts)
            places = [(-count, value) for value, count in zip(values, counts, strict=True)]
            assert key == "size_categories" or places == sorted(places)


def test_an_answer_is_the_same_every_time(sample: Published, asked: list[Question]) -> None:
    for question in asked:
        assert sample.answer(question) == sample.answer(question)


def test_permuted_repeated_and_padded_values_are_the_same_question(sample: Published, asked: list[Question]) -> None:
    for question in asked:
        again = dataclasses.replace(
            question,
            search="\u3000".join(reversed(question.search.split() * 2)),
            selected={
                parameter: [*(f" {value}\n" for value in reversed(values)), "", *values]
                for parameter, values in reversed(question.selected.items())
            },
        )
        assert sample.answer(again) == sample.answer(question)


def test_a_filter_more_in_another_facet_never_raises_the_filtered_total(
    sample: Published, asked: list[Question]
) -> None:
    for question in asked:
        before = sample.answer(question)
        for parameter, _, narrower in narrowed(question):
            after = sample.answer(narrower)
            assert after.total == before.total
            if parameter == "tags" or not any(value.strip() for value in question.selected.get(parameter, ())):
                assert after.filtered_total <= before.filtered_total, (question, parameter)


def test_the_total_is_the_scope_whatever_is_filtered_and_a_public_row_of_ones_own_counts_once(
    sample: Published, asked: list[Question]
) -> None:
    for question in asked:
        rows = [model for model in sample.models if model.org == question.org]
        if question.include_public:
            rows += [model for model in sample.models if model.is_public and model.org != question.org]
        assert sample.answer(question).total == len(rows)
