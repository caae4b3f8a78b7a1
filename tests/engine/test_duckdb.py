from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from facets_svc.catalogue import FACETS, FRAMEWORK, LICENSE, TAGS, TASK_CATEGORIES
from facets_svc.engine import duckdb as duckdb_engine
from facets_svc.engine.duckdb import DuckdbEngine, open_engine
from facets_svc.errors import SnapshotCorrupt
from facets_svc.facets.answer import FacetAnswer, FacetValues
from facets_svc.facets.query import FacetQuery
from facets_svc.lake import Snapshot
from tests.catalogues import model, publish

ROWS = [
    model(1, tags=["a", "b"], license="mit", task_categories=["t1", "t2"], framework="onnx", size_category="1B-3B"),
    model(2, tags=["a"], license="apache-2.0", task_categories=["t1"], framework="gguf"),
    model(3, is_public=False, tags=["a", "secret"], license="mit", task_categories=["t2"], framework="onnx"),
    model(4, "other", tags=["b"], license="mit", description="Grüße"),
    model(5, "other", is_public=False, tags=["a", "hidden"], license="hidden", framework="hidden"),
]


def opened(snapshot: Snapshot) -> DuckdbEngine:
    return open_engine(snapshot, threads=2, memory_limit="512MiB")


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return publish(ROWS, tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module")
def engine(snapshot: Snapshot) -> Iterator[DuckdbEngine]:
    engine = opened(snapshot)
    yield engine
    engine.close()


def ask(engine: DuckdbEngine, **asked: object) -> FacetAnswer:
    return engine.answer(FacetQuery.of("acme", limit=100, **asked))  # type: ignore[arg-type]


def test_an_org_sees_its_own_models(engine: DuckdbEngine) -> None:
    assert ask(engine) == FacetAnswer(
        3,
        3,
        (
            FacetValues(("a", "b", "secret"), (3, 1, 1)),
            FacetValues(("mit", "apache-2.0"), (2, 1)),
            FacetValues(("t1", "t2"), (2, 2)),
            FacetValues(("onnx", "gguf"), (2, 1)),
            FacetValues(("1B-3B",), (1,)),
        ),
    )


def test_counts_of_an_any_facet_leave_its_own_filter_out(engine: DuckdbEngine) -> None:
    answer = ask(engine, include_public=True, selected={LICENSE: ["mit"], FRAMEWORK: ["onnx"]})
    assert answer == FacetAnswer(
        4,
        2,
        (
            FacetValues(("a", "b", "secret"), (2, 1, 1)),
            FacetValues(("mit",), (2,)),
            FacetValues(("t2", "t1"), (2, 1)),
            FacetValues(("onnx",), (2,)),
            FacetValues(("1B-3B",), (1,)),
        ),
    )


def test_another_orgs_private_values_count_nothing(engine: DuckdbEngine) -> None:
    answer = ask(engine, include_public=True, selected={LICENSE: ["hidden"], TAGS: ["hidden"]})
    assert (answer.total, answer.filtered_total) == (4, 0)
    assert answer.facets == (
        FacetValues(("hidden",), (0,)),
        FacetValues(("hidden",), (0,)),
        FacetValues(),
        FacetValues(),
        FacetValues(),
    )


def test_an_org_without_models_is_not_known_and_sees_the_public_ones(engine: DuckdbEngine) -> None:
    assert [engine.knows(org) for org in ("acme", "other", "ACME", "nobody")] == [True, True, False, False]
    own = engine.answer(FacetQuery.of("nobody", limit=100))
    assert own == FacetAnswer(0, 0, (FacetValues(),) * len(FACETS))
    assert engine.answer(FacetQuery.of("nobody", limit=100, include_public=True)).total == 3


def test_a_spoiled_index_is_not_opened(tmp_path: Path) -> None:
    snapshot = publish(ROWS, tmp_path)
    path = Path(snapshot.index_file("model_facets"))
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(SnapshotCorrupt, match=r"index/model_facets\.parquet is not as it was written"):
        opened(snapshot)


def test_a_file_that_is_spoiled_after_opening_changes_no_answer(tmp_path: Path) -> None:
    snapshot = publish(ROWS, tmp_path)
    engine = opened(snapshot)
    before = ask(engine, include_public=True, search="model", selected={TAGS: ["a"]})
    for entry in snapshot.manifest.files:
        (snapshot.path / entry.path).write_bytes(b"PAR1 but nothing else PAR1")
    assert ask(engine, include_public=True, search="model", selected={TAGS: ["a"]}) == before
    assert before.filtered_total == 3
    engine.close()


def random_queries(count: int) -> list[FacetQuery]:
    chosen = random.Random(11)  # noqa: S311 - the same ones each time
    pools = {
        TAGS: ["a", "b", "secret", "never"],
        LICENSE: ["mit", "apache-2.0", "hidden"],
        TASK_CATEGORIES: ["t1", "t2", "never"],
        FRAMEWORK: ["onnx", "gguf", "never"],
    }
    return [
        FacetQuery.of(
            chosen.choice(["acme", "other"]),
            limit=100,
            include_public=chosen.random() < 0.7,
            search=chosen.choice(["", "", "model", "model 1", "grusse"]),
            selected={facet: chosen.sample(pool, chosen.choice([0, 0, 1, 2])) for facet, pool in pools.items()},
        )
        for _ in range(count)
    ]


def test_reading_postings_or_rows_gives_the_same_answers(engine: DuckdbEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = random_queries(200)
    answers = []
    for share in (0, 10**9):
        monkeypatch.setattr(duckdb_engine, "POSTINGS_SHARE", share)
        answers.append([engine.answer(query) for query in queries])
    assert answers[0] == answers[1]
    assert len(set(answers[0])) > 20


def test_answers_are_the_same_from_many_threads(engine: DuckdbEngine) -> None:
    queries = random_queries(200)
    alone = [engine.answer(query) for query in queries]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(engine.answer, queries)) == alone


def test_a_catalogue_of_more_values_than_two_bytes_count_is_answered(tmp_path: Path) -> None:
    rows = [model(row, tags=[f"t{row}-{tag}" for tag in range(300)]) for row in range(230)]
    engine = opened(publish(rows, tmp_path))
    answer = engine.answer(FacetQuery.of("acme", limit=300, selected={TAGS: ["t7-7"]}))
    assert (answer.total, answer.filtered_total) == (230, 1)
    assert answer.facets[TAGS.index] == FacetValues(tuple(sorted(f"t7-{tag}" for tag in range(300))), (1,) * 300)
    engine.close()
