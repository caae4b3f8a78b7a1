"""What Spark answers is what the oracle answers, and so what DuckDB answers."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from facets_svc.engine.spark import cluster_location, spark_scope_counts
from tests.oracle import seen
from tests.parity.published import Published, published
from tests.parity.test_earlier import assert_seen_alike, moved
from tests.parity.test_engine import assert_listed_alike, assert_parity
from tests.parity.test_tenancy import CATALOGUE, ask
from tests.spark.conftest import ON_SAIL, on_spark
from tests.spark.servers import SparkServer
from tests.strategies import crowded_catalogue, random_model_question


def test_the_sample_is_answered_as_the_oracle_answers(sample: Published, server: SparkServer) -> None:
    assert_parity(on_spark(sample, server), seed=31, count=60)


def test_the_models_of_the_sample_are_listed_as_the_oracle_lists_them(sample: Published, server: SparkServer) -> None:
    chance = random.Random(32)  # noqa: S311 - seeded on purpose
    listed = on_spark(sample, server)
    for _ in range(5):
        assert_listed_alike(listed, random_model_question(chance, listed.models))


def test_a_crowd_of_awkward_values_is_answered_as_the_oracle_answers(crowded: Published, server: SparkServer) -> None:
    assert_parity(on_spark(crowded, server), seed=33, count=60)


def test_an_earlier_day_is_answered_as_the_oracle_answers(
    server: SparkServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    chance = random.Random(34)  # noqa: S311 - seeded on purpose
    folder = tmp_path_factory.mktemp("days")
    then = crowded_catalogue(chance)
    now = moved(chance, then)
    with published(then, folder, cluster=True) as first, published(now, folder, cluster=True) as second:
        earlier, present = on_spark(first, server), on_spark(second, server)
        assert_seen_alike(earlier, present, chance, count=4)
        counts = spark_scope_counts(
            earlier.snapshot, present.engine, endpoint=server.endpoint, location=cluster_location(str(earlier.lake))
        )
        for org in {model.org for model in (*earlier.models, *present.models)} | {"nobody"}:
            visible = seen(earlier.models, present.models, org)
            for include_public in (False, True):
                right = sum(row.org == org or (include_public and row.is_public) for row in visible)
                assert counts.of(org, include_public=include_public) == right, (org, include_public)


def test_what_others_hold_privately_is_neither_seen_nor_counted(server: SparkServer, tmp_path: Path) -> None:
    values = {
        "tags": "canary-tag",
        "license": "canary-license",
        "task_categories": "canary-task",
        "framework": "canary-framework",
        "size_category": "canary-size",
    }
    searches = ["canary", "canary-name", "bob/canary", "description", "canary-org"]
    with published(CATALOGUE, tmp_path, cluster=True) as it:
        spark = on_spark(it, server)
        for parameter, value in values.items():
            seen_answer = str(ask(spark, "ann", selected={parameter: [value]}))
            never = str(ask(spark, "ann", selected={parameter: ["x" * len(value)]}))
            assert seen_answer.replace(value, "x" * len(value)) == never
        for search in searches:
            assert ask(spark, "ann", search=search)["total"].counts == [3, 0]
        assert "canary" not in str(ask(spark, "ann"))
        assert "canary" in str(ask(spark, "bob"))


@pytest.mark.soak
@ON_SAIL
def test_a_thousand_questions_to_the_sample_are_answered_as_the_oracle_answers(
    sample: Published, crowded: Published, server: SparkServer, say: Callable[[str], None]
) -> None:
    assert_parity(on_spark(sample, server), seed=35, count=1_000)
    assert_parity(on_spark(crowded, server), seed=36, count=1_000)
    say(f"parity, {server.version()}: 2,000 questions, 0 differences")
