"""What exists only in another org's private rows appears nowhere."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.oracle import Listed, Model, clean_catalogue
from tests.parity.published import Published, published, raw_again
from tests.strategies import Question, RawRow, catalogues, questions

CATALOGUE: list[RawRow] = [
    {"id": "a1", "org": "ann", "name": "one", "is_public": False, "tags": ["shared"], "license": "mit"},
    {"id": "a2", "org": "ann", "name": "two", "is_public": True, "tags": ["shared"], "license": "gpl"},
    {"id": "b1", "org": "bob", "name": "three", "is_public": True, "tags": ["shared"], "license": "gpl"},
    {
        "id": "canary-id",
        "org": "bob",
        "name": "canary-name",
        "is_public": False,
        "description": "canary description",
        "tags": ["canary-tag", "shared"],
        "license": "canary-license",
        "task_categories": ["canary-task"],
        "framework": "canary-framework",
        "size_category": "canary-size",
    },
    {"id": "c1", "org": "canary-org", "name": "four", "is_public": False, "tags": ["shared"], "license": "mit"},
]


def ask(
    it: Published, org: str, *, search: str = "", selected: dict[str, list[str]] | None = None
) -> dict[str, Listed]:
    answer = it.answer(Question(org=org, include_public=True, search=search, selected=selected or {}, limit=10_000))
    return {"total": Listed([], [answer.total, answer.filtered_total]), **answer.facets}


def test_a_stranger_neither_sees_nor_counts_what_is_private(tmp_path: Path) -> None:
    with published(CATALOGUE, tmp_path) as it:
        assert ask(it, "ann") == {
            "total": Listed([], [3, 3]),
            "tags": Listed(["shared"], [3]),
            "licenses": Listed(["gpl", "mit"], [2, 1]),
            "task_categories": Listed([], []),
            "frameworks": Listed([], []),
            "size_categories": Listed([], []),
        }


def test_to_select_a_private_value_is_to_select_one_that_was_never_seen(tmp_path: Path) -> None:
    with published(CATALOGUE, tmp_path) as it:
        for parameter, value in [
            ("tags", "canary-tag"),
            ("license", "canary-license"),
            ("task_categories", "canary-task"),
            ("framework", "canary-framework"),
            ("size_category", "canary-size"),
        ]:
            seen = str(ask(it, "ann", selected={parameter: [value]}))
            never = str(ask(it, "ann", selected={parameter: ["x" * len(value)]}))
            assert seen.replace(value, "x" * len(value)) == never


@pytest.mark.parametrize("term", ["canary", "canary-name", "bob/canary", "description", "canary-org"])
def test_to_search_private_text_is_to_find_nothing(tmp_path: Path, term: str) -> None:
    with published(CATALOGUE, tmp_path) as it:
        answer = ask(it, "ann", search=term)
        assert answer["total"] == Listed([], [3, 0])
        assert set(map(str, list(answer.values())[1:])) == {str(Listed([], []))}


def test_an_org_of_private_rows_alone_is_to_a_stranger_like_one_that_is_not_there(tmp_path: Path) -> None:
    with published(CATALOGUE, tmp_path / "with") as it:
        everything = ask(it, "ann")
    without = [row for row in CATALOGUE if not isinstance(row, bytes) and row["org"] != "canary-org"]
    with published(without, tmp_path / "without") as it:
        assert ask(it, "ann") == everything


@settings(max_examples=10)
@given(catalogues(), st.data())
def test_no_answer_changes_when_the_private_rows_of_others_are_gone(
    catalogue: list[RawRow], choice: st.DataObject
) -> None:
    models, _ = clean_catalogue(catalogue)
    hidden = [model for model in models if not model.is_public]
    assume(hidden)
    stranger_to = choice.draw(st.sampled_from(sorted({model.org for model in hidden})))
    visible = [model for model in models if model.is_public or model.org != stranger_to]
    assume(visible)
    asked = [question for question in ask_all(choice, models) if question.org != stranger_to]
    with tempfile.TemporaryDirectory() as folder:
        with published([raw_again(model) for model in models], Path(folder) / "all") as it:
            answers = [it.answer(question) for question in asked]
        with published([raw_again(model) for model in visible], Path(folder) / "visible") as it:
            assert [it.answer(question) for question in asked] == answers


def ask_all(choice: st.DataObject, models: Sequence[Model]) -> list[Question]:
    """Draw a dozen questions."""
    return choice.draw(st.lists(questions(models), min_size=12, max_size=12))
