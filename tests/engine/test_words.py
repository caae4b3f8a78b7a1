from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facets_svc.catalogue import PARAMETERS, TAGS, fold, search_text
from facets_svc.engine import matches, words
from facets_svc.engine.duckdb import DuckdbEngine, open_engine
from facets_svc.engine.index import Rows
from facets_svc.engine.words import Grams, Words
from facets_svc.facets.query import FacetQuery, Range
from facets_svc.lake import Snapshot
from tests.catalogues import model, publish

VOCABULARY = ["language", "model", "models", "for", "Grüße", "and", "more", "%_'", "fine-tuned", "a", "ßtraße"]


def described() -> list[dict[str, object]]:
    chosen = random.Random(3)  # noqa: S311 - the same ones each time
    return [
        model(
            number,
            chosen.choice(["acme", "other"]),
            is_public=number % 4 > 0,
            description=chosen.choice([" ", "\n", "  "]).join(chosen.sample(VOCABULARY, 3)) + f"\tno{number * number}",
            tags=[f"t{number % 3}"],
            parameters=number,
        )
        for number in range(60)
    ]


ROWS = described()
FRAGMENTS = [
    "mod",
    "models",
    "model-4",
    "gr",
    "grusse",
    "s",
    "acme/model",
    "no1",
    "%",
    "_'",
    "a",
    "-tun",
    "lang no",
    "x",
]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return publish(ROWS, tmp_path_factory.mktemp("described"))


@pytest.fixture
def engine(snapshot: Snapshot) -> Iterator[DuckdbEngine]:
    engine = open_engine(snapshot, threads=2, memory_limit="512MiB")
    yield engine
    engine.close()


def expected(search: str, *, org: str, include_public: bool, tag: str, minimum: int) -> int:
    def holds(row: dict[str, object]) -> bool:
        texts = search_text(str(row["org"]), str(row["name"]), str(row["description"])).split("\n", 1)
        return all(any(fold(term) in text for text in texts) for term in search.split())

    return sum(
        (row["org"] == org or (include_public and bool(row["is_public"])))
        and (not tag or row["tags"] == [tag])
        and int(str(row["parameters"])) >= minimum
        and holds(row)
        for row in ROWS
    )


@pytest.mark.parametrize("few_texts", [-1, 10**9])
@pytest.mark.parametrize("candidates_share", [0, 10**9])
def test_a_search_finds_the_same_models_however_their_texts_are_read(
    engine: DuckdbEngine, monkeypatch: pytest.MonkeyPatch, few_texts: int, candidates_share: int
) -> None:
    monkeypatch.setattr(matches, "FEW_TEXTS", few_texts)
    monkeypatch.setattr(matches, "CANDIDATES_SHARE", candidates_share)
    found = []
    for search in [*FRAGMENTS, *(f"{one} {other}" for one in FRAGMENTS[::3] for other in FRAGMENTS)]:
        for include_public, tag, minimum in ((False, "", 0), (True, "", 0), (True, "t1", 0), (True, "t2", 30)):
            query = FacetQuery.of(
                "acme",
                limit=10,
                include_public=include_public,
                search=search,
                selected={TAGS: [tag]},
                ranges=[Range(PARAMETERS, minimum)] if minimum else [],
            )
            engine.forget()
            right = expected(search, org="acme", include_public=include_public, tag=tag, minimum=minimum)
            assert engine.answer(query).filtered_total == right, search
            found.append(right)
    assert len(set(found)) > 15


def test_the_words_that_many_public_models_hold_are_taken_out_of_their_texts(snapshot: Snapshot) -> None:
    public = Rows(0, snapshot.manifest.public_models)
    shared = Words(snapshot, public)
    assert {"language", "grusse", "%_'"} <= set(shared._words) <= {fold(word) for word in VOCABULARY}
    table = pq.read_table(snapshot.index_file("model_facets"), columns=["search_text"])
    texts = table.column("search_text").to_pylist()
    for text in texts[: public.end]:
        assert not set(text.split(" ")) & set(shared._words)
    for text in texts[public.end :]:
        assert "\n" in text
    held = shared.holding("model", public)
    assert len(held) == public.end
    assert shared.holding("model", Rows(3, 22)).tolist() == held[3:22].tolist()
    assert 0 < held.sum() < public.end
    assert shared.holding("never", public).sum() == 0


def test_a_catalogue_without_public_models_has_no_words(tmp_path: Path) -> None:
    engine = open_engine(
        publish([model(number, is_public=False, description="same") for number in range(9)], tmp_path),
        threads=1,
        memory_limit="256MiB",
    )
    answer = engine.answer(FacetQuery.of("acme", limit=10, include_public=True, search="sam"))
    assert (answer.total, answer.filtered_total) == (9, 9)
    engine.close()


@given(st.lists(st.text("abcé😀 ", max_size=8), max_size=40), st.text("abcé😀", min_size=1, max_size=5))
def test_no_text_that_holds_a_fragment_is_left_out(texts: list[str], fragment: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(words, "_BATCH_ROWS", 8)
        grams = Grams(pa.chunked_array([texts], pa.string()))
    maybe = grams.may_hold(fragment, Rows(0, len(texts)))
    assert len(maybe) == len(texts)
    assert grams.may_hold(fragment, Rows(len(texts) // 3, len(texts))).tolist() == maybe[len(texts) // 3 :].tolist()
    assert [text for text, flag in zip(texts, maybe.tolist(), strict=True) if fragment in text and not flag] == []


def test_texts_that_lack_three_bytes_of_a_fragment_are_left_out() -> None:
    grams = Grams(pa.chunked_array([["abcd", "xabc", "", "ab", "cd abd"]], pa.string()))
    every = Rows(0, 5)
    assert grams.may_hold("abc", every).tolist() == [True, True, False, False, False]
    assert grams.may_hold("abcd", every).tolist() == [True, False, False, False, False]
    assert grams.may_hold("ab", every).tolist() == [True] * 5
