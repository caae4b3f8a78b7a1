from __future__ import annotations

import numpy as np
import pytest

from facets_svc.catalogue import FACETS, LICENSE, SIZE_CATEGORY, TAGS
from facets_svc.facets.answer import FacetValues
from facets_svc.facets.query import FacetQuery
from facets_svc.facets.values import Dictionary, size_key

# by code: none, three tags, a licence, two sizes
VALUES = ["", "b", "a", "c", "mit", "1B-3B", "<100M"]
OF_FACETS = np.array([0, 0, 0, 0, 1, 4, 4], dtype=np.uint8)
DICTIONARY = Dictionary(VALUES, OF_FACETS)


def listed(counts: list[int], *, limit: int = 10, tags: tuple[str, ...] = ()) -> tuple[FacetValues, ...]:
    query = FacetQuery.of("acme", limit=limit, selected={TAGS: tags})
    return DICTIONARY.answer(query, total=9, counts=np.array(counts)).facets


def test_values_are_listed_by_count_and_then_by_code_point() -> None:
    assert listed([5, 2, 2, 4, 1, 0, 0])[TAGS.index] == FacetValues(("c", "a", "b"), (4, 2, 2))


def test_values_that_no_model_holds_are_not_listed() -> None:
    assert listed([5, 0, 2, 0, 0, 0, 0])[TAGS.index] == FacetValues(("a",), (2,))


def test_a_cut_list_is_told() -> None:
    assert listed([5, 2, 2, 4, 1, 0, 0], limit=2)[TAGS.index] == FacetValues(("c", "a"), (4, 2), truncated=True)


def test_a_selected_value_that_was_cut_stands_in_its_place() -> None:
    cut = listed([5, 2, 2, 4, 1, 0, 0], limit=1, tags=("b",))[TAGS.index]
    assert cut == FacetValues(("c", "b"), (4, 2), truncated=True)


def test_nothing_is_cut_when_the_selected_values_are_all_that_is_missing() -> None:
    whole = listed([5, 2, 2, 4, 1, 0, 0], limit=1, tags=("a", "b"))[TAGS.index]
    assert whole == FacetValues(("c", "a", "b"), (4, 2, 2))


def test_selected_values_without_models_stand_at_the_end_by_code_point() -> None:
    selected = listed([5, 1, 0, 0, 0, 0, 0], tags=("c", "Z", "a"))[TAGS.index]
    assert selected == FacetValues(("b", "Z", "a", "c"), (1, 0, 0, 0))


def test_sizes_are_listed_by_size() -> None:
    assert listed([5, 0, 0, 0, 0, 4, 2])[SIZE_CATEGORY.index] == FacetValues(("<100M", "1B-3B"), (2, 4))


def test_a_cut_list_of_sizes_holds_the_most_frequent_ones() -> None:
    cut = listed([5, 0, 0, 0, 0, 4, 2], limit=1)[SIZE_CATEGORY.index]
    assert cut == FacetValues(("1B-3B",), (4,), truncated=True)


def test_the_count_of_code_0_is_the_filtered_total() -> None:
    answer = DICTIONARY.answer(FacetQuery.of("acme", limit=1), total=9, counts=np.array([5, 0, 0, 0, 0, 0, 0]))
    assert (answer.total, answer.filtered_total) == (9, 5)
    assert answer.facets == (FacetValues(),) * len(FACETS)
    assert answer.truncated == ()


def test_a_code_belongs_to_its_facet() -> None:
    assert DICTIONARY.code(LICENSE, "mit") == 4
    assert DICTIONARY.code(TAGS, "mit") is None
    assert DICTIONARY.code(TAGS, "") is None


def test_size_labels_are_ordered_by_lower_bound_then_sign_then_upper_bound() -> None:
    ordered = ["1-3B", "<100M", "100M", "100M-500M", ">100M", "0.5B-1B", "1B", "1B-3B", "1B-3.5B", "2T"]
    keys = [size_key(label) for label in ordered]
    assert None not in keys
    assert sorted(ordered, key=lambda label: size_key(label) or (0, 0, 0)) == ordered


@pytest.mark.parametrize(
    "label", ["", "100m", "big", "1B-", "-1B", "<", "1B - 3B", "1,5B", "1B-3B-5B", "=1B", "١B", "1.B", ".5B", "1B\n"]
)
def test_what_does_not_read_as_a_size_has_no_key(label: str) -> None:
    assert size_key(label) is None


def test_sizes_that_do_not_read_come_last_by_count() -> None:
    labels = ["", "tiny", "huge", "1B", "1000M"]
    dictionary = Dictionary(labels, np.array([0, 4, 4, 4, 4], dtype=np.uint8))
    answer = dictionary.answer(FacetQuery.of("acme", limit=9), total=9, counts=np.array([9, 1, 5, 1, 2]))
    assert answer.facets[4].values == ("1000M", "1B", "huge", "tiny")
