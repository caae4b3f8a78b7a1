from __future__ import annotations

import pytest

from benchmarks import tables
from benchmarks.peers.base import LIMIT, OURS
from benchmarks.results import EngineFacts, Machine, QuestionTimes, Results
from benchmarks.rounds import Times, nearest_rank

FACTS = EngineFacts(version="1", note="", open_seconds=0.5, resident_mib=10)


def results(**questions: dict[str, Times]) -> Results:
    return Results(
        fingerprint="",
        catalogue="10",
        models=10,
        public_models=7,
        facet_values=5,
        threads=2,
        rounds=3,
        budget_seconds=1,
        commit="c",
        date="2026-11-24",
        machine=Machine(processor="p", cores=2, memory_gib=4, system="s", python="3", load_before=0),
        engines=dict.fromkeys((OURS, "tantivy", "ClickHouse", LIMIT), FACTS),
        questions={name: QuestionTimes(models=7, times=times) for name, times in questions.items()},
    )


MEASURED = results(
    one={
        OURS: Times([1.0, 2.0, 9.0]),
        "tantivy": Times([8.0], narrower=True),
        "ClickHouse": Times([200.0]),
        LIMIT: Times([0.5]),
    },
    two={OURS: Times([4.0]), "tantivy": Times([1.0]), "ClickHouse": Times([16.0]), LIMIT: Times([0.5])},
)


def test_ratios_are_a_peers_median_in_terms_of_ours_and_the_limit_is_no_peer() -> None:
    assert tables.fastest_peer(MEASURED.questions["one"]) == ("tantivy", 4.0)
    assert tables.fastest_peer(MEASURED.questions["two"]) == ("tantivy", 0.25)
    assert tables.geometric_means(MEASURED) == pytest.approx({"tantivy": 1.0, "ClickHouse": 20.0, "fastest": 1.0})


def test_the_table_shows_who_is_fastest_and_who_found_fewer() -> None:
    assert tables.medians(MEASURED).splitlines()[2:5] == [
        "| one | 7 | **2.0** | 8.0 † | 200 | 0.50 | 4.0 (tantivy) | 100 |",
        "| two | 7 | 4.0 | **1.0** | 16.0 | 0.50 | 0.25 (tantivy) | 4.0 |",
        "| **geometric mean of the ratios** |  | 1 | 1.0 | 20.0 |  | 1.0 | 20.0 |",
    ]


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert nearest_rank([3.0, 1.0, 2.0], 0.99) == 3.0
    assert nearest_rank([float(number) for number in range(1, 201)], 0.99) == 198.0
    assert nearest_rank([5.0], 0.5) == 5.0


def test_what_counts_cost_is_told_in_terms_of_the_bare_answer_of_the_same_turn() -> None:
    measured = results()
    taken = {"bare": Times([1.0, 2.0, 4.0]), "counts": Times([1.1, 3.0, 4.4]), "facet search": Times([0.5, 0.5, 9.0])}
    taken["fifty models"] = Times([4.0, 4.0, 5.0])
    measured.additions["one"] = QuestionTimes(models=7, times=taken)

    assert tables.additions(measured).splitlines() == [
        "| question | models that pass | bare | counts | facet search | fifty models | counts ÷ bare |",
        "|---|---|---|---|---|---|---|",
        "| one | 7 | 2.0 | 3.0 | 0.50 | 4.0 | 1.10 |",
    ]
