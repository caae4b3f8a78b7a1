"""Every engine gives our answers, over a small catalogue, through the code that `make bench` runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import catalogue, records
from benchmarks.answers import Answer, difference
from benchmarks.peers.base import MODULES, OURS, Peer, module_of
from benchmarks.questions import Question, questions
from benchmarks.rounds import compare
from facets_svc.lake import Lake
from tests.catalogues import sync


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a lake of 2,000 models, and their records."""
    folder = tmp_path_factory.mktemp("benchmark")
    catalogue.write(folder / "catalogue.parquet", 2_000)
    lake = Lake.open(str(folder / "lake"))
    sync(folder / "catalogue.parquet", lake)
    records.write(lake.snapshot(), folder / "records.parquet")
    return folder


@pytest.fixture(scope="module")
def asked(folder: Path) -> Sequence[Question]:
    return questions(folder / "records.parquet")


def opened(name: str, folder: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> Peer:
    monkeypatch.setenv("POLARS_MAX_THREADS", "2")
    try:
        module = module_of(name)
    except ModuleNotFoundError as error:
        pytest.skip(f"{error.name} comes with the extra `bench`")
    module.build(folder / "records.parquet", place)
    return module.open_peer(folder / "records.parquet", place, 2)


def answers(peer: Peer, question: Question) -> list[Answer]:
    found = []
    for query in question.queries:
        peer.prepare(query)
        found.append(peer.answer(peer.ask(query)))
    return found


@pytest.mark.parametrize("name", [name for name in MODULES if name != OURS])
def test_a_peer_gives_our_answer_to_every_question(
    name: str, folder: Path, asked: Sequence[Question], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = opened(OURS, folder, tmp_path, monkeypatch)
    peer = opened(name, folder, tmp_path, monkeypatch)
    try:
        narrower = [
            question.name
            for question in asked
            if compare(
                question, answers(ours, question), answers(peer, question), name=name, narrow_search=peer.narrow_search
            )
        ]
    finally:
        ours.close()
        peer.close()

    assert narrower == []


def test_every_question_has_its_own_answer(folder: Path, asked: Sequence[Question], tmp_path: Path) -> None:
    ours = module_of(OURS).open_peer(folder / "records.parquet", tmp_path, 1)
    totals = {question.name: answers(ours, question)[-1].filtered_total for question in asked}
    ours.close()

    assert len(asked) == 13
    assert all(totals.values())
    assert totals["a tag, rare"] < totals["a tag, 1 %"] < totals["a tag, 15 %"] < totals["public scope"]
    assert totals["one org, small"] < totals["one org, large"] < totals["public scope"]


EXPECTED = Answer(total=3, filtered_total=2, facets={"tags": {"a": 2, "b": 1}})


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (EXPECTED, None),
        (Answer(3, 2, {"tags": {"b": 1, "a": 2}}), None),
        (Answer(4, 2, {"tags": {"a": 2, "b": 1}}), "total is 4, not 3"),
        (Answer(3, 1, {"tags": {"a": 2, "b": 1}}), "filtered_total is 1, not 2"),
        (Answer(3, 2, {"tags": {"a": 2}}), "1 counts of tags differ: b 0, not 1"),
        (Answer(3, 2, {"tags": {"a": 2, "b": 1, "c": 7}}), "1 counts of tags differ: c 7, not 0"),
        (Answer(3, 2, {}), "the facets are [], not ['tags']"),
    ],
)
def test_one_count_that_differs_is_a_difference(found: Answer, told: str | None) -> None:
    assert difference(EXPECTED, found) == told
