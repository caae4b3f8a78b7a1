from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest

from facets_svc.catalogue import (
    CREATED_AT,
    FACETS,
    FRAMEWORK,
    LICENSE,
    PARAMETERS,
    SIZE_BYTES,
    TAGS,
    TASK_CATEGORIES,
    UPDATED_AT,
    Facet,
)
from facets_svc.engine.duckdb import DuckdbEngine, open_engine
from facets_svc.engine.selection import Parameters, Selection
from facets_svc.errors import LakeError, SnapshotCorrupt, Unavailable
from facets_svc.facets.answer import Bin, FacetAnswer, FacetValues, Statistics, ValuePage
from facets_svc.facets.query import FacetQuery, Range, ValueQuery
from facets_svc.facets.totals import Rows
from facets_svc.lake import Snapshot, files
from facets_svc.lake.snapshot import INDEX
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


def whole(missing: int = 0, **counts: int) -> FacetValues:
    """Return a facet that is listed whole: its values and counts, and how many models have none."""
    held = sum(count > 0 for count in counts.values())
    names = tuple(name.replace("_", "-") for name in counts)
    return FacetValues(names, tuple(counts.values()), total_values=held, missing_count=missing)


def test_an_org_sees_its_own_models(engine: DuckdbEngine) -> None:
    assert ask(engine) == FacetAnswer(
        3,
        3,
        (
            whole(a=3, b=1, secret=1),
            whole(mit=2, **{"apache-2.0": 1}),
            whole(t1=2, t2=2),
            whole(onnx=2, gguf=1),
            whole(2, **{"1B-3B": 1}),
        ),
    )


def test_counts_of_an_any_facet_leave_its_own_filter_out(engine: DuckdbEngine) -> None:
    answer = ask(engine, include_public=True, selected={LICENSE: ["mit"], FRAMEWORK: ["onnx"]})
    assert answer == FacetAnswer(
        4,
        2,
        (
            whole(a=2, b=1, secret=1),
            whole(mit=2),
            whole(t2=2, t1=1),
            whole(1, onnx=2),
            whole(1, **{"1B-3B": 1}),
        ),
    )


def test_another_orgs_private_values_count_nothing(engine: DuckdbEngine) -> None:
    answer = ask(engine, include_public=True, selected={LICENSE: ["hidden"], TAGS: ["hidden"]})
    assert (answer.total, answer.filtered_total) == (4, 0)
    assert answer.facets == (whole(hidden=0), whole(hidden=0), whole(), whole(), whole())


def test_an_org_without_models_is_not_known_and_sees_the_public_ones(engine: DuckdbEngine) -> None:
    assert [engine.knows(org) for org in ("acme", "other", "ACME", "nobody")] == [True, True, False, False]
    own = engine.answer(FacetQuery.of("nobody", limit=100))
    assert own == FacetAnswer(0, 0, (FacetValues(),) * len(FACETS))
    assert engine.answer(FacetQuery.of("nobody", limit=100, include_public=True)).total == 3


def passing(engine: DuckdbEngine, **asked: object) -> int:
    return ask(engine, include_public=True, **asked).filtered_total


def test_a_facet_may_be_asked_for_any_or_for_all_values(engine: DuckdbEngine) -> None:
    assert passing(engine, selected={TAGS: ["a", "b"]}) == 1
    assert passing(engine, selected={TAGS: ["a", "b"]}, match={TAGS: "any"}) == 4
    assert passing(engine, selected={TASK_CATEGORIES: ["t1", "t2"]}) == 3
    assert passing(engine, selected={TASK_CATEGORIES: ["t1", "t2"]}, match={TASK_CATEGORIES: "all"}) == 1
    assert passing(engine, selected={LICENSE: ["mit"]}, match={LICENSE: "all"}) == 3
    assert passing(engine, selected={LICENSE: ["mit", "apache-2.0"]}, match={LICENSE: "all"}) == 0


def test_counts_follow_the_mode(engine: DuckdbEngine) -> None:
    any_tags = ask(engine, selected={TAGS: ["b"]}, match={TAGS: "any"})
    assert any_tags.facets[TAGS.index] == whole(a=3, b=1, secret=1)
    all_tasks = ask(engine, selected={TASK_CATEGORIES: ["t1"]}, match={TASK_CATEGORIES: "all"})
    assert all_tasks.facets[TASK_CATEGORIES.index] == whole(t1=2, t2=1)


def test_models_without_a_value_can_be_asked_for(engine: DuckdbEngine) -> None:
    assert passing(engine, missing=[FRAMEWORK]) == 1
    assert passing(engine, missing=[FRAMEWORK], selected={FRAMEWORK: ["gguf"]}) == 2
    assert passing(engine, missing=[TASK_CATEGORIES], selected={TASK_CATEGORIES: ["t2"]}) == 3
    assert passing(engine, missing=[TAGS]) == 0
    assert passing(engine, missing=[TAGS], selected={TAGS: ["a"]}) == 0
    assert passing(engine, missing=[TAGS], selected={TAGS: ["a"]}, match={TAGS: "any"}) == 3


def test_models_that_hold_an_excluded_value_are_out(engine: DuckdbEngine) -> None:
    assert passing(engine, excluded={LICENSE: ["mit"]}) == 1
    assert passing(engine, excluded={TAGS: ["b", "secret"]}) == 1
    assert passing(engine, excluded={TASK_CATEGORIES: ["t1", "never"]}) == 2
    assert passing(engine, excluded={LICENSE: ["mit"]}, selected={LICENSE: ["mit"]}) == 0


def test_an_exclusion_is_part_of_its_facets_own_filter(engine: DuckdbEngine) -> None:
    answer = ask(engine, excluded={LICENSE: ["mit"], TAGS: ["secret"]})
    assert answer.facets[LICENSE.index] == whole(**{"apache-2.0": 1, "mit": 1})
    assert answer.facets[TAGS.index] == whole(a=1)


MEASURED = [
    model(1, parameters=7, size_bytes=1, created_at="2026-01-01", updated_at="2026-03-01"),
    model(2, parameters=1999, size_bytes=0, created_at="2026-01-02"),
    model(3, parameters=2000, size_bytes=-5, is_public=False),
    model(4, "other", is_public=False, parameters=10**12),
    model(5, "other", parameters=5, downloads=2**62),
]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckdbEngine]:
    engine = opened(publish(MEASURED, tmp_path_factory.mktemp("measured")))
    yield engine
    engine.close()


@pytest.mark.parametrize(
    ("bounds", "count"),
    [
        (Range(PARAMETERS, 7), 3),
        (Range(PARAMETERS, 7, 1999), 2),
        (Range(PARAMETERS, None, 6), 1),
        (Range(SIZE_BYTES, 0), 2),
        (Range(CREATED_AT, datetime(2026, 1, 2, tzinfo=UTC)), 1),
        (Range(CREATED_AT, None, datetime(2026, 1, 2, tzinfo=UTC)), 1),
        (Range(UPDATED_AT, datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=1)))), 1),
    ],
)
def test_ranges_hold_their_lower_bound_and_numbers_their_upper_one(
    measured: DuckdbEngine, bounds: Range, count: int
) -> None:
    assert passing(measured, ranges=[bounds]) == count


def test_numbers_are_summed_up_over_the_whole_scope(measured: DuckdbEngine) -> None:
    numbers = dict(ask(measured, include_public=True, with_statistics=True).statistics)
    assert numbers == {
        "parameters": Statistics(
            count=4,
            minimum=5,
            maximum=2000,
            mean=(5 + 7 + 1999 + 2000) / 4,
            quartiles=(5, 7, 1999),
            histogram=(Bin(5, 10, 2), Bin(1000, 2000, 1), Bin(2000, 5000, 1)),
        ),
        "size_bytes": Statistics(
            count=3, minimum=-5, maximum=1, mean=-4 / 3, quartiles=(-5, 0, 1), histogram=(Bin(None, 1, 2), Bin(1, 2, 1))
        ),
        "downloads": Statistics(
            count=1,
            minimum=2**62,
            maximum=2**62,
            mean=float(2**62),
            quartiles=(2**62,) * 3,
            histogram=(Bin(2 * 10**18, 5 * 10**18, 1),),
        ),
    }


def test_numbers_of_no_models_have_no_statistics(measured: DuckdbEngine) -> None:
    answer = ask(measured, selected={LICENSE: ["never"]}, with_statistics=True)
    assert dict(answer.statistics) == dict.fromkeys(["parameters", "size_bytes", "downloads"], Statistics(0))


def test_one_facets_values_come_in_pages(engine: DuckdbEngine) -> None:
    asked = ValueQuery(
        query=FacetQuery.of("acme", limit=1, selected={LICENSE: ["mit"], FRAMEWORK: ["onnx"]}),
        facet=LICENSE,
        fragment="i",
        limit=5,
    )
    assert engine.values(asked) == ValuePage(("mit",), (2,), total_values=1, missing_count=0)
    without_filters = dataclasses.replace(asked, query=FacetQuery.of("acme", limit=1), fragment="", offset=1)
    assert engine.values(without_filters) == ValuePage(("apache-2.0",), (1,), total_values=2, missing_count=0)


def test_only_the_facets_that_are_wanted_are_listed_and_the_totals_stay(engine: DuckdbEngine) -> None:
    for asked in ({}, {"selected": {LICENSE: ["mit"]}}, {"search": "model"}, {"selected": {TAGS: ["a"]}}):
        everything = ask(engine, **asked)
        for facet in FACETS:
            answer = ask(engine, wanted=[facet], **asked)
            assert (answer.total, answer.filtered_total) == (everything.total, everything.filtered_total)
            assert answer.facets[facet.index] == everything.facets[facet.index]
            assert [listed.values for listed in answer.facets if listed.values] in (
                [],
                [everything.facets[facet.index].values],
            )


def test_a_spoiled_index_is_not_opened(tmp_path: Path) -> None:
    snapshot = publish(ROWS, tmp_path)
    path = snapshot.file(INDEX)
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(SnapshotCorrupt, match=r"index/index\.duckdb has changed since it was written"):
        opened(snapshot)


def test_an_index_that_cannot_be_read_is_an_error_of_the_lake(tmp_path: Path) -> None:
    snapshot = publish(ROWS, tmp_path)
    path = snapshot.file(INDEX)
    path.write_bytes(b"no database")
    entry = files.describe(snapshot.path, path)
    others = [kept for kept in snapshot.manifest.files if kept.path != INDEX]
    manifest = msgspec.structs.replace(snapshot.manifest, files=(*others, entry))
    with pytest.raises(LakeError, match=r"The index of the snapshot .* cannot be read: "):
        opened(dataclasses.replace(snapshot, manifest=manifest))


def test_a_file_that_is_gone_after_opening_is_read_to_the_end(tmp_path: Path) -> None:
    snapshot = publish(ROWS, tmp_path)
    engine = opened(snapshot)
    snapshot.file(INDEX).unlink()
    assert ask(engine, include_public=True, search="model", selected={TAGS: ["a"]}).filtered_total == 3
    engine.close()


def test_a_file_that_is_spoiled_after_opening_changes_no_answer(tmp_path: Path) -> None:
    """DuckDB checks every block that it reads: an answer is right, or it is none."""
    rows = [model(number, tags=[f"t{number % 90}", "x"], description=f"text {number} " * 9) for number in range(4000)]
    snapshot = publish(rows, tmp_path)
    path = snapshot.file(INDEX)
    whole = path.read_bytes()
    asked: dict[str, Any] = {"include_public": True, "search": "text", "selected": {TAGS: ["t7"]}}
    engine = opened(snapshot)
    before = ask(engine, **asked)
    engine.close()
    chance = random.Random(4)  # noqa: S311 - always the same ones
    refused = 0
    for _ in range(30):
        engine = opened(snapshot)
        spoilt = bytearray(whole)
        for _ in range(40):
            spoilt[chance.randrange(3 * 4096, len(whole))] ^= 1 << chance.randrange(8)
        with path.open("r+b") as file:  # the same file: what was opened is changed
            file.write(spoilt)
        try:
            assert ask(engine, **asked) == before
        except Unavailable:
            refused += 1
        with path.open("r+b") as file:
            file.write(whole)
        engine.close()
    assert refused


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


def test_to_ask_for_what_only_others_hold_is_the_same_work_as_to_ask_for_what_nobody_knows(tmp_path: Path) -> None:
    def every_facet(text: str) -> dict[str, Any]:
        return {facet.column: [text] if facet.is_list else text for facet in FACETS}

    private = [f"only others hold {number}" for number in range(20)]
    hidden = [model(number, "other", is_public=False, **every_facet(text)) for number, text in enumerate(private)]
    shown = [model(90, **every_facet("mine")), model(91, is_public=False, **every_facet("my own"))]
    engine = opened(publish([*hidden, *shown], tmp_path))
    index = engine._index
    acme = index.org("acme")
    for facet, public in itertools.product(FACETS, (index.public, acme.public)):

        def parameters(texts: list[str], facet: Facet = facet, public: Rows = public) -> Parameters:
            query = FacetQuery.of("acme", limit=9, selected={facet: texts}, excluded={facet: texts[:2]})
            return Selection.of(query, index, [public, acme.private]).parameters(staying=FACETS)

        unknown = parameters([f"never seen {number}" for number in range(20)])
        assert parameters(private) == unknown
        assert all(parameters([known]) != unknown for known in ("mine", "my own"))
    engine.close()


def test_answers_are_the_same_from_many_threads(engine: DuckdbEngine) -> None:
    queries = random_queries(200)
    alone = [engine.answer(query) for query in queries]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(engine.answer, queries)) == alone


def test_tags_beyond_those_that_have_a_bit_are_found_by_their_postings(tmp_path: Path) -> None:
    rows = [model(row, tags=[f"t{row}", f"u{row % 200}", "all"], is_public=row % 2 > 0) for row in range(400)]
    rows += [model(1000 + row, "other", tags=[f"t{row}", "all"], is_public=row % 3 > 0) for row in range(300)]
    engine = opened(publish(rows, tmp_path))
    for tags in (["t7"], ["t8"], ["t7", "all"], ["u7", "t7"], ["t6", "t7"], ["u199", "all"]):
        for match in ("all", "any"):
            right = [
                row
                for row in rows
                if (row["org"] == "acme" or row["is_public"])
                and (all if match == "all" else any)(tag in row["tags"] for tag in tags)
            ]
            answer = ask(engine, include_public=True, selected={TAGS: tags}, match={TAGS: match})
            assert answer.filtered_total == len(right), (tags, match)
    engine.close()


def test_a_catalogue_of_more_values_than_two_bytes_count_is_answered(tmp_path: Path) -> None:
    rows = [model(row, tags=[f"t{row}-{tag}" for tag in range(300)]) for row in range(230)]
    engine = opened(publish(rows, tmp_path))
    answer = engine.answer(FacetQuery.of("acme", limit=300, selected={TAGS: ["t7-7"]}))
    assert (answer.total, answer.filtered_total) == (230, 1)
    assert answer.facets[TAGS.index] == FacetValues(
        tuple(sorted(f"t7-{tag}" for tag in range(300))), (1,) * 300, total_values=300
    )
    engine.close()
