"""What Spark answers is what the oracle answers, and so what DuckDB answers."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from facets_svc.engine.spark import cluster_location, spark_scope_counts
from tests.oracle import seen
from tests.parity.published import Published, published
from tests.parity.test_earlier import assert_seen_alike, moved
from tests.parity.test_engine import assert_listed_alike, assert_parity
from tests.spark.conftest import on_spark
from tests.spark.sail import Sail
from tests.strategies import crowded_catalogue, random_model_question


def test_the_sample_is_answered_as_the_oracle_answers(sample: Published, sail: Sail) -> None:
    assert_parity(on_spark(sample, sail), seed=31, count=60)


def test_the_models_of_the_sample_are_listed_as_the_oracle_lists_them(sample: Published, sail: Sail) -> None:
    chance = random.Random(32)  # noqa: S311 - seeded on purpose
    listed = on_spark(sample, sail)
    for _ in range(5):
        assert_listed_alike(listed, random_model_question(chance, listed.models))


def test_a_crowd_of_awkward_values_is_answered_as_the_oracle_answers(crowded: Published, sail: Sail) -> None:
    assert_parity(on_spark(crowded, sail), seed=33, count=60)


def test_an_earlier_day_is_answered_as_the_oracle_answers(sail: Sail, tmp_path_factory: pytest.TempPathFactory) -> None:
    chance = random.Random(34)  # noqa: S311 - seeded on purpose
    folder = tmp_path_factory.mktemp("days")
    then = crowded_catalogue(chance)
    now = moved(chance, then)
    with published(then, folder, cluster=True) as first, published(now, folder, cluster=True) as second:
        earlier, present = on_spark(first, sail), on_spark(second, sail)
        assert_seen_alike(earlier, present, chance, count=4)
        counts = spark_scope_counts(
            earlier.snapshot, present.engine, endpoint=sail.endpoint, location=cluster_location(str(earlier.lake))
        )
        for org in {model.org for model in (*earlier.models, *present.models)} | {"nobody"}:
            visible = seen(earlier.models, present.models, org)
            for include_public in (False, True):
                right = sum(row.org == org or (include_public and row.is_public) for row in visible)
                assert counts.of(org, include_public=include_public) == right, (org, include_public)


@pytest.mark.soak
def test_a_thousand_questions_to_the_sample_are_answered_as_the_oracle_answers(
    sample: Published, crowded: Published, sail: Sail, say: Callable[[str], None]
) -> None:
    assert_parity(on_spark(sample, sail), seed=35, count=1_000)
    assert_parity(on_spark(crowded, sail), seed=36, count=1_000)
    say("parity, Sail: 2,000 questions, 0 differences")
